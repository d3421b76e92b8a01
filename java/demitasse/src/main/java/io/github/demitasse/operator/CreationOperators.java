package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.NUMERIC;
import static io.github.demitasse.operator.ElementTypes.NUMERIC_OR_BOOL;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.stream.LongStream;

/** Thread-safe: tensors made from numbers, and Dropout, which at inference makes its mask. */
final class CreationOperators {
  private CreationOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of(
            "Range", CreationOperators::inferRange, c -> NativeCall.of("Range", 3, new long[0])),
        OperatorRule.of(
            "EyeLike",
            CreationOperators::inferEyeLike,
            c -> NativeCall.of("EyeLike", 0, new long[] {c.node().integer("k", 0)})),
        OperatorRule.of(
            "Dropout", CreationOperators::inferDropout, CreationOperators::lowerDropout));
  }

  private static void inferRange(InferenceContext context) {
    ElementTypes.require(context, 0, NUMERIC);
    DataType type = ElementTypes.common(context, 0, 1, 2);
    Dimension count = type != null && type.isInteger() ? integerCount(context) : realCount(context);
    context.output(0, type, Shape.of(count));
    List<Dimension> start = context.inputDimensions(0);
    List<Dimension> delta = context.inputDimensions(2);
    if (start != null && delta != null && isKnown(start) && isKnown(delta) && count.isKnown()) {
      long first = start.get(0).size();
      long step = delta.get(0).size();
      if (count.size() <= GraphInference.LONGEST_CONTENT) {
        context.outputDimensions(
            0,
            LongStream.range(0, count.size())
                .mapToObj(i -> Dimension.of(first + i * step))
                .toList());
      }
    }
  }

  private static boolean isKnown(List<Dimension> scalar) {
    return scalar.get(0).isKnown();
  }

  /** max(0, ceil((limit - start) / delta)), also for a symbolic limit counted in steps of 1. */
  private static Dimension integerCount(InferenceContext context) {
    Dimension start = Arguments.oneDimension(context, "start", 0);
    Dimension limit = Arguments.oneDimension(context, "limit", 1);
    Dimension delta = Arguments.oneDimension(context, "delta", 2);
    if (start == null || limit == null || delta == null) {
      return Dimension.unknown();
    }
    if (start.isKnown() && limit.isKnown() && delta.isKnown()) {
      long step = delta.size();
      Arguments.require(step != 0, "delta is 0");
      long distance = Math.subtractExact(limit.size(), start.size());
      long rounding = step > 0 ? step - 1 : step + 1;
      return Dimension.of(Math.max(0, Math.addExact(distance, rounding) / step));
    }
    return start.is(0) && delta.is(1) ? limit : Dimension.unknown();
  }

  private static Dimension realCount(InferenceContext context) {
    double[] numbers = new double[3];
    for (int i = 0; i < 3; i++) {
      Tensor constant = context.inputConstant(i);
      if (constant == null) {
        return Dimension.unknown();
      }
      Arguments.require(constant.elements() == 1, "input " + i + " must be one number");
      numbers[i] =
          constant.type() == DataType.FLOAT64
              ? constant.buffer().getDouble(0)
              : constant.toFloats()[0];
    }
    double count = Math.ceil((numbers[1] - numbers[0]) / numbers[2]);
    Arguments.require(
        count <= Integer.MAX_VALUE,
        "a range from " + numbers[0] + " to " + numbers[1] + " in steps of " + numbers[2]);
    return Dimension.of((long) Math.max(0, count));
  }

  private static void inferEyeLike(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Arguments.require(shape == null || shape.rank() == 2, "needs a matrix, given " + shape);
    long code = context.node().integer("dtype", 0);
    DataType type = code == 0 ? context.inputType(0) : DataType.ofOnnxCode((int) code);
    if (type != null && !NUMERIC_OR_BOOL.test(type)) {
      throw Shapes.unsupported(context, "element type " + type);
    }
    context.output(0, type, shape);
  }

  private static void inferDropout(InferenceContext context) {
    if (context.hasInput(2)) {
      Tensor training = context.inputConstant(2);
      if (training == null || training.elements() != 1 || training.toBytes()[0] != 0) {
        throw Shapes.unsupported(context, "training");
      }
    }
    Arguments.sameAsInput(context);
    boolean boolMask = context.opset() >= 10;
    context.output(1, boolMask ? DataType.BOOL : context.inputType(0), context.inputShape(0));
  }

  private static NativeCall lowerDropout(InferenceContext context) {
    return context.node().hasOutput(1)
        ? NativeCall.of("Dropout", 1, new long[0])
        : NativeCall.reshape();
  }
}
