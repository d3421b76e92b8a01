package io.github.demitasse.operator;

import io.github.demitasse.tensor.DataType;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Predicate;

/** Which element types an operator's native implementation takes. */
enum ElementTypes implements Predicate<DataType> {
  FLOATING,
  /** Of whole bytes: operators compute on these. */
  INTEGER,
  NUMERIC,
  NUMERIC_OR_BOOL,
  WHOLE_BYTES,
  BOOL;

  @Override
  public boolean test(DataType type) {
    return switch (this) {
      case FLOATING -> type.isFloatingPoint();
      case INTEGER -> type.isInteger() && type.bits() >= 8;
      case NUMERIC -> FLOATING.test(type) || INTEGER.test(type);
      case NUMERIC_OR_BOOL -> NUMERIC.test(type) || type == DataType.BOOL;
      case WHOLE_BYTES -> type.bits() >= 8 && type.bits() <= 64;
      case BOOL -> type == DataType.BOOL;
    };
  }

  /** Fails, as not supported, when an input has a known type outside the set. */
  static void require(InferenceContext context, int input, Predicate<DataType> supported) {
    DataType type = context.inputType(input);
    if (type != null && !supported.test(type)) {
      throw Shapes.unsupported(context, "element type " + type);
    }
  }

  /**
   * The common type of some inputs; null when none is known.
   *
   * @throws IllegalArgumentException if two are known and differ
   */
  static DataType common(InferenceContext context, int... inputs) {
    DataType[] types =
        Arrays.stream(inputs)
            .mapToObj(context::inputType)
            .filter(Objects::nonNull)
            .distinct()
            .toArray(DataType[]::new);
    Arguments.require(types.length <= 1, "inputs of different types: " + Arrays.toString(types));
    return types.length == 0 ? null : types[0];
  }
}
