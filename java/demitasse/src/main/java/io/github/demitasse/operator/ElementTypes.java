package io.github.demitasse.operator;

import io.github.demitasse.tensor.DataType;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Predicate;

/** Thread-safe: which element types an operator's native implementation takes. */
final class ElementTypes {
  static final Predicate<DataType> FLOATING = DataType::isFloatingPoint;

  /** Of whole bytes: operators compute on these. */
  static final Predicate<DataType> INTEGER = type -> type.isInteger() && type.bits() >= 8;

  static final Predicate<DataType> NUMERIC = FLOATING.or(INTEGER);

  static final Predicate<DataType> NUMERIC_OR_BOOL = NUMERIC.or(DataType.BOOL::equals);

  static final Predicate<DataType> WHOLE_BYTES = type -> type.bits() >= 8 && type.bits() <= 64;

  static final Predicate<DataType> BOOL = DataType.BOOL::equals;

  private ElementTypes() {}

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
