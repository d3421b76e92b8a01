package io.github.demitasse.compress;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.github.demitasse.compress.equalize.AwqSettings;
import io.github.demitasse.compress.equalize.EqualizeSettings;
import io.github.demitasse.compress.equalize.SmoothQuantSettings;
import io.github.demitasse.compress.quantize.QuantizeSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Thread-safe: recipes as YAML: a list {@code steps}, each a map with one key, the step's name, and
 * its settings.
 *
 * <pre>{@code
 * steps:
 *   - quantize: {weights: int8, activations: int8}
 * }</pre>
 */
final class RecipeFile {
  /** The settings class of each step; adding a step adds a line. */
  private static final Map<String, Class<? extends StepSettings>> STEPS =
      new TreeMap<>(
          Map.of(
              "awq", AwqSettings.class,
              "equalize", EqualizeSettings.class,
              "quantize", QuantizeSettings.class,
              "smooth-quant", SmoothQuantSettings.class));

  private static final ObjectMapper YAML =
      new ObjectMapper(new YAMLFactory())
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);

  private RecipeFile() {}

  static Recipe read(Path file) {
    try {
      return parse(Files.readString(file), file.toString());
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": not UTF-8 text", e);
    } catch (NoSuchFileException e) {
      throw new UncheckedIOException(file + ": no such file", e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the recipe " + e.getMessage(), e);
    }
  }

  static Recipe parse(String text, String source) {
    try {
      JsonNode root = YAML.readTree(text);
      if (root == null || !root.isObject() || root.size() != 1 || !root.path("steps").isArray()) {
        throw new IllegalArgumentException(
            source + ": a recipe is a map with the one key 'steps', which holds a list");
      }
      List<Step> steps = new ArrayList<>();
      for (JsonNode step : root.get("steps")) {
        steps.add(step(step, source));
      }
      return new Recipe(steps);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(source + ": " + RecipeErrors.describe(e), e);
    }
  }

  private static Step step(JsonNode node, String source) {
    if (!node.isObject() || node.size() != 1) {
      throw new IllegalArgumentException(
          source + ": a step is a map with one key, its name; given " + node);
    }
    String name = node.fieldNames().next();
    Class<? extends StepSettings> settings = STEPS.get(name);
    if (settings == null) {
      throw new IllegalArgumentException(
          source
              + ": unknown step '"
              + name
              + "'; known steps: "
              + String.join(", ", STEPS.keySet()));
    }
    if (!node.get(name).isObject()) {
      throw new IllegalArgumentException(
          source + ": " + name + ": a step's settings are a map; given " + node.get(name));
    }
    try {
      return YAML.treeToValue(node.get(name), settings).toStep();
    } catch (JacksonException e) {
      throw new IllegalArgumentException(source + ": " + name + ": " + RecipeErrors.describe(e), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(source + ": " + e.getMessage(), e);
    }
  }
}
