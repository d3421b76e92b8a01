package io.github.demitasse.format.dmt;

import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.GraphChecks;
import io.github.demitasse.format.JsonReader;
import io.github.demitasse.format.safetensors.SafetensorsFile;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Thread-safe: reads what {@link DmtWriter} writes; weights are views of the mapped file. */
public final class DmtReader {
  private DmtReader() {}

  /**
   * @throws ModelFormatException if the file is broken
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static Model read(Path path) {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      byte[] text = file.metadata(DmtWriter.MODEL);
      if (text == null) {
        throw new ModelFormatException(
            path, -1, "a safetensors file without a graph; a .dmt file has one in its metadata");
      }
      return read(path, text, new TensorStore.Source(file));
    }
  }

  private static Model read(Path path, byte[] text, TensorStore.Source tensors) {
    try {
      return read(new JsonReader(text), tensors);
    } catch (IllegalArgumentException invalid) {
      throw new ModelFormatException(
          path, -1, "metadata '" + DmtWriter.MODEL + "': " + invalid.getMessage(), invalid);
    }
  }

  private static Model read(JsonReader json, TensorStore.Source tensors) {
    Graph graph = null;
    Map<String, Weight> weights = Map.of();
    Map<String, String> metadata = Map.of();
    json.beginObject();
    while (json.hasNextMember()) {
      switch (json.nextName()) {
        case "version" -> checkVersion(json.nextLong());
        case "weights" -> weights = readWeights(json, tensors);
        case "graph" -> graph = new GraphReader(json, tensors).read();
        case "metadata" -> metadata = readMetadata(json);
        default -> json.skipValue();
      }
    }
    json.end();
    if (graph == null) {
      throw new IllegalArgumentException("there is no graph");
    }
    return new Model(GraphChecks.checked(graph, weights.keySet()), weights, metadata);
  }

  private static void checkVersion(long version) {
    if (version < 1 || version > DmtWriter.VERSION) {
      throw new IllegalArgumentException(
          "format version " + version + "; this library knows up to " + DmtWriter.VERSION);
    }
  }

  private static Map<String, Weight> readWeights(JsonReader json, TensorStore.Source tensors) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    json.beginArray();
    while (json.hasNextElement()) {
      WeightDescription description = readDescription(json, tensors);
      String name = description.name();
      if (name == null || name.isEmpty() || description.encoding() == null) {
        throw new IllegalArgumentException("a weight needs a name and an encoding");
      }
      Weight weight;
      try {
        weight = WeightEncoding.named(description.encoding()).read(description);
      } catch (IllegalArgumentException invalid) {
        throw new IllegalArgumentException(
            "weight '" + name + "': " + invalid.getMessage(), invalid);
      }
      if (weights.put(name, weight) != null) {
        throw new IllegalArgumentException("weight '" + name + "' is defined twice");
      }
    }
    return weights;
  }

  private static WeightDescription readDescription(JsonReader json, TensorStore.Source tensors) {
    String name = null;
    String encoding = null;
    Map<String, Tensor> parts = new HashMap<>(4);
    Map<String, String> texts = new HashMap<>(4);
    Map<String, Long> integers = new HashMap<>(4);
    json.beginObject();
    while (json.hasNextMember()) {
      String field = json.nextName();
      switch (field) {
        case "name" -> name = json.nextString();
        case "encoding" -> encoding = json.nextString();
        case "parts" -> readParts(json, tensors, parts);
        default -> {
          switch (json.peek()) {
            case '"' -> texts.put(field, json.nextString());
            case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' ->
                integers.put(field, json.nextLong());
            default -> json.skipValue();
          }
        }
      }
    }
    if (parts.isEmpty() && name != null) {
      parts.put("", tensors.named(name));
    }
    return new WeightDescription(name, encoding, parts, texts, integers);
  }

  private static void readParts(
      JsonReader json, TensorStore.Source tensors, Map<String, Tensor> parts) {
    json.beginObject();
    while (json.hasNextMember()) {
      String role = json.nextName();
      parts.put(role, tensors.read(json));
    }
  }

  private static Map<String, String> readMetadata(JsonReader json) {
    Map<String, String> metadata = new LinkedHashMap<>();
    json.beginObject();
    while (json.hasNextMember()) {
      String key = json.nextName();
      metadata.put(key, json.nextString());
    }
    return metadata;
  }
}
