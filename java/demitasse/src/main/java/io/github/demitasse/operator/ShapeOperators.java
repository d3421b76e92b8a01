package io.github.demitasse.operator;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** Thread-safe: operators that change or tell a shape without touching elements, and constants. */
final class ShapeOperators {
  private ShapeOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of("Reshape", ReshapeRule::infer, ShapeOperators::alias).since(5),
        OperatorRule.of("Flatten", ShapeOperators::inferFlatten, ShapeOperators::alias),
        OperatorRule.of("Squeeze", ShapeOperators::inferSqueeze, ShapeOperators::alias),
        OperatorRule.of("Unsqueeze", ShapeOperators::inferUnsqueeze, ShapeOperators::alias),
        OperatorRule.of("Identity", ShapeOperators::inferIdentity, ShapeOperators::alias),
        OperatorRule.of("Shape", ShapeOperators::inferShape, ShapeOperators::numbers),
        OperatorRule.of("Size", ShapeOperators::inferSize, ShapeOperators::numbers),
        OperatorRule.of("Constant", ShapeOperators::inferConstant, ShapeOperators::numbers),
        OperatorRule.of(
            "ConstantOfShape", ShapeOperators::inferConstantOfShape, ShapeOperators::fill));
  }

  private static NativeCall alias(InferenceContext context) {
    return NativeCall.reshape();
  }

  private static void inferIdentity(InferenceContext context) {
    Arguments.sameAsInput(context);
    ReshapeRule.forwardContent(context);
    Tensor constant = context.inputConstant(0);
    if (constant != null) {
      context.outputConstant(0, constant);
    }
  }

  private static void inferFlatten(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape flat = Shapes.unknown(2);
    if (shape != null) {
      long given = context.node().integer("axis", 1);
      int axis = given == shape.rank() ? shape.rank() : Shapes.axis(given, shape.rank());
      flat =
          Shape.of(
              DimensionArithmetic.product(shape.dimensions().subList(0, axis)),
              DimensionArithmetic.product(shape.dimensions().subList(axis, shape.rank())));
    }
    context.output(0, context.inputType(0), flat);
  }

  private static void inferSqueeze(InferenceContext context) {
    Shape shape = context.inputShape(0);
    long[] given = Shapes.integers(context, "axes", 1);
    boolean anyAxis = !Shapes.isGiven(context, "axes", 1);
    if (shape == null || given == null && !(anyAxis && shape.isKnown())) {
      context.output(0, context.inputType(0), null);
      return;
    }
    int[] axes =
        anyAxis
            ? IntStream.range(0, shape.rank()).filter(a -> shape.dimension(a).is(1)).toArray()
            : Shapes.axes(given, shape.rank());
    for (int axis : axes) {
      Dimension size = shape.dimension(axis);
      Arguments.require(
          !size.isKnown() || size.is(1), "cannot squeeze axis " + axis + " of " + shape);
    }
    context.output(0, context.inputType(0), Shapes.reduced(shape, axes, false));
    ReshapeRule.forwardContent(context);
  }

  private static void inferUnsqueeze(InferenceContext context) {
    Shape shape = context.inputShape(0);
    long[] given = Shapes.integers(context, "axes", 1);
    if (shape == null || given == null) {
      context.output(0, context.inputType(0), null);
      return;
    }
    int rank = shape.rank() + given.length;
    List<Dimension> sizes = new ArrayList<>(Collections.nCopies(rank, null));
    for (int axis : Shapes.axes(given, rank)) {
      sizes.set(axis, Dimension.of(1));
    }
    int next = 0;
    for (int axis = 0; axis < rank; axis++) {
      if (sizes.get(axis) == null) {
        sizes.set(axis, shape.dimension(next++));
      }
    }
    context.output(0, context.inputType(0), new Shape(sizes));
    ReshapeRule.forwardContent(context);
  }

  private static void inferShape(InferenceContext context) {
    Shape shape = context.inputShape(0);
    if (shape == null) {
      context.output(0, DataType.INT64, Shapes.unknown(1));
      return;
    }
    int from = end(context.node().integer("start", 0), shape.rank());
    int to = Math.max(from, end(context.node().integer("end", shape.rank()), shape.rank()));
    context.output(0, DataType.INT64, Shape.of(to - from));
    context.outputDimensions(0, shape.dimensions().subList(from, to));
  }

  private static int end(long index, int rank) {
    return (int) Math.max(0, Math.min(index < 0 ? index + rank : index, rank));
  }

  private static void inferSize(InferenceContext context) {
    context.output(0, DataType.INT64, Shape.of(new long[0]));
    Shape shape = context.inputShape(0);
    if (shape != null) {
      context.outputDimensions(0, List.of(DimensionArithmetic.product(shape.dimensions())));
    }
  }

  private static void inferConstant(InferenceContext context) {
    Tensor value = constant(context);
    context.output(0, value.type(), Shape.of(value.shape()));
    context.outputConstant(0, value);
  }

  private static Tensor constant(InferenceContext context) {
    for (Attribute attribute : context.node().attributes().values()) {
      if (attribute instanceof Attribute.OfTensor tensor) {
        return tensor.value();
      } else if (attribute instanceof Attribute.OfInteger integer) {
        return Tensor.scalar(integer.value());
      } else if (attribute instanceof Attribute.OfFloat number) {
        return Tensor.scalar(number.value());
      } else if (attribute instanceof Attribute.OfIntegers integers) {
        long[] values = integers.value().stream().mapToLong(Long::longValue).toArray();
        return Tensor.of(values, values.length);
      } else if (attribute instanceof Attribute.OfFloats floats) {
        float[] values = new float[floats.value().size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = floats.value().get(i);
        }
        return Tensor.of(values, values.length);
      }
    }
    throw Shapes.unsupported(context, "only numbers can be constants");
  }

  /** The output's numbers are known: they are the call's attributes. */
  private static NativeCall numbers(InferenceContext context) {
    Tensor constant = context.node().is("Constant") ? constant(context) : null;
    if (constant != null) {
      return constant.type().isFloatingPoint()
          ? NativeCall.of("Constant", 0, new long[0], doubles(constant))
          : NativeCall.of("Constant", 0, constant.toLongs());
    }
    long[] sizes = Arguments.sizes(context, 0);
    if (context.node().is("Size")) {
      return NativeCall.of("Constant", 0, new long[] {Arguments.product(sizes, 0, sizes.length)});
    }
    int from = end(context.node().integer("start", 0), sizes.length);
    int to = Math.max(from, end(context.node().integer("end", sizes.length), sizes.length));
    return NativeCall.of("Constant", 0, Arrays.copyOfRange(sizes, from, to));
  }

  private static double[] doubles(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.elements())];
    if (tensor.type() == DataType.FLOAT64) {
      tensor.buffer().asDoubleBuffer().get(values);
    } else {
      float[] floats = tensor.toFloats();
      Arrays.setAll(values, i -> floats[i]);
    }
    return values;
  }

  private static void inferConstantOfShape(InferenceContext context) {
    DataType type =
        context.node().attributes().get("value") instanceof Attribute.OfTensor value
            ? value.value().type()
            : DataType.FLOAT32;
    List<Dimension> sizes = context.inputDimensions(0);
    if (sizes == null) {
      context.output(0, type, Arguments.shapeOfForm(context.inputShape(0)));
      return;
    }
    context.output(0, type, new Shape(sizes));
    if (type.isInteger() && sizes.size() <= 1) {
      long count = sizes.isEmpty() ? 1 : sizes.get(0).isKnown() ? sizes.get(0).size() : -1;
      if (count >= 0 && count <= GraphInference.LONGEST_CONTENT) {
        Dimension filled = Dimension.of(fillValue(context).toLongs()[0]);
        context.outputDimensions(0, Collections.nCopies((int) count, filled));
      }
    }
  }

  private static Tensor fillValue(InferenceContext context) {
    Tensor value =
        context.node().attributes().get("value") instanceof Attribute.OfTensor given
            ? given.value()
            : Tensor.scalar(0f);
    Arguments.require(value.elements() == 1, "value must be one number, given " + value);
    return value;
  }

  private static NativeCall fill(InferenceContext context) {
    Arguments.outputSizes(context, 0);
    Tensor value = fillValue(context);
    return value.type().isFloatingPoint()
        ? NativeCall.of("Fill", 0, new long[0], doubles(value))
        : NativeCall.of("Fill", 0, value.toLongs());
  }
}
