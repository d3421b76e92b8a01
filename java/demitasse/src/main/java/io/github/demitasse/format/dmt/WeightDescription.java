package io.github.demitasse.format.dmt;

import io.github.demitasse.tensor.Tensor;
import java.util.Map;

/**
 * Immutable: a weight as the file describes it.
 *
 * @param encoding name of its {@link WeightEncoding}
 * @param parts stored tensors by role
 * @param texts fields of the encoding that are strings
 * @param integers fields of the encoding that are whole numbers
 */
record WeightDescription(
    String name,
    String encoding,
    Map<String, Tensor> parts,
    Map<String, String> texts,
    Map<String, Long> integers) {

  Tensor part(String role) {
    return required(parts.get(role), "part", role);
  }

  String text(String field) {
    return required(texts.get(field), "field", field);
  }

  int integer(String field) {
    long value = required(integers.get(field), "field", field);
    if (value != (int) value) {
      throw new IllegalArgumentException("field '" + field + "' is " + value);
    }
    return (int) value;
  }

  private static <T> T required(T value, String kind, String name) {
    if (value == null) {
      throw new IllegalArgumentException("it has no " + kind + " '" + name + "'");
    }
    return value;
  }
}
