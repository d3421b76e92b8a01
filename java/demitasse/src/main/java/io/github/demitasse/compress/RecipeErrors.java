package io.github.demitasse.compress;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** Thread-safe: says what is wrong with a recipe in the recipe's words instead of Java's. */
final class RecipeErrors {
  private static final ObjectMapper NAMES = new ObjectMapper();

  private RecipeErrors() {}

  static String describe(JacksonException e) {
    if (e.getCause() instanceof MarkedYAMLException syntax) {
      int line = syntax.getProblemMark() == null ? 0 : syntax.getProblemMark().getLine() + 1;
      return "not YAML: " + syntax.getProblem() + (line == 0 ? "" : " (line " + line + ")");
    }
    if (e instanceof UnrecognizedPropertyException unknown) {
      List<String> known = new ArrayList<>();
      unknown.getKnownPropertyIds().forEach(name -> known.add(name.toString()));
      return "unknown setting '"
          + path(unknown)
          + "'; known: "
          + known.stream().sorted().collect(Collectors.joining(", "));
    }
    if (e instanceof InvalidFormatException wrong) {
      return "'" + path(wrong) + "' is '" + wrong.getValue() + "'" + expected(wrong);
    }
    if (e instanceof ValueInstantiationException wrong && wrong.getCause() != null) {
      return wrong.getCause().getMessage();
    }
    String where = e instanceof JsonMappingException wrong ? path(wrong) : "";
    return (where.isEmpty() ? "" : "'" + where + "': ") + e.getOriginalMessage() + place(e);
  }

  private static String expected(InvalidFormatException wrong) {
    Class<?> type = wrong.getTargetType();
    if (type == null || !type.isEnum()) {
      return type == null ? "" : "; expected a " + type.getSimpleName().toLowerCase();
    }
    return "; expected "
        + Stream.of(type.getEnumConstants())
            .map(constant -> NAMES.convertValue(constant, String.class))
            .collect(Collectors.joining(", "));
  }

  private static String path(JsonMappingException e) {
    return e.getPath().stream()
        .map(part -> part.getFieldName() == null ? "" + part.getIndex() : part.getFieldName())
        .collect(Collectors.joining("."));
  }

  private static String place(JacksonException e) {
    return e.getLocation() == null || e.getLocation().getLineNr() < 0
        ? ""
        : " (line " + e.getLocation().getLineNr() + ")";
  }
}
