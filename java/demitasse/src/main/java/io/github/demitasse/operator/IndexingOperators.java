package io.github.demitasse.operator;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Thread-safe: operators that pick or place elements by index. */
final class IndexingOperators {
  private static final List<String> REDUCTIONS = List.of("none", "add", "mul", "max", "min");

  private IndexingOperators() {}

  static List<Operator> all() {
    return List.of(
        OperatorRule.of("Gather", IndexingOperators::inferGather, c -> alongAxis(c, "Gather", 2)),
        OperatorRule.of(
            "GatherElements",
            IndexingOperators::inferGatherElements,
            c -> alongAxis(c, "GatherElements", 2)),
        OperatorRule.of(
            "GatherND",
            IndexingOperators::inferGatherNd,
            c -> NativeCall.of("GatherND", 2, new long[] {c.node().integer("batch_dims", 0)})),
        OperatorRule.of(
            "ScatterElements", Arguments::sameAsInput, IndexingOperators::lowerScatterElements),
        OperatorRule.of("Scatter", Arguments::sameAsInput, IndexingOperators::lowerScatterElements),
        OperatorRule.of(
            "ScatterND",
            Arguments::sameAsInput,
            c -> NativeCall.of("ScatterND", 3, new long[] {reduction(c)})),
        OperatorRule.of("OneHot", IndexingOperators::inferOneHot, IndexingOperators::lowerOneHot),
        OperatorRule.of("TopK", IndexingOperators::inferTopK, IndexingOperators::lowerTopK),
        OperatorRule.of(
            "NonZero", IndexingOperators::inferNonZero, IndexingOperators::lowerNonZero),
        OperatorRule.of(
            "Compress", IndexingOperators::inferCompress, IndexingOperators::lowerCompress));
  }

  private static NativeCall alongAxis(InferenceContext context, String operator, int inputs) {
    int rank = Arguments.sizes(context, 0).length;
    int axis = Shapes.axis(context.node().integer("axis", 0), rank);
    return NativeCall.of(operator, inputs, new long[] {axis});
  }

  private static void inferGather(InferenceContext context) {
    Shape data = context.inputShape(0);
    Shape indices = context.inputShape(1);
    Shape result = null;
    if (data != null) {
      int axis = Shapes.axis(context.node().integer("axis", 0), data.rank());
      if (indices != null) {
        result =
            Arguments.concatenate(
                Arguments.part(data, 0, axis),
                indices,
                Arguments.part(data, axis + 1, data.rank()));
      }
    }
    context.output(0, context.inputType(0), result);
    List<Dimension> content = context.inputDimensions(0);
    long[] picks = Arguments.known(context.inputDimensions(1));
    if (content != null && picks != null && data != null && data.rank() == 1) {
      List<Dimension> picked = new ArrayList<>();
      for (long pick : picks) {
        picked.add(content.get(index(pick, content.size())));
      }
      context.outputDimensions(0, picked);
    }
  }

  private static int index(long index, int size) {
    Arguments.require(
        index >= -size && index < size, "index " + index + " is outside " + size + " elements");
    return (int) (index < 0 ? index + size : index);
  }

  private static void inferGatherElements(InferenceContext context) {
    context.output(0, context.inputType(0), context.inputShape(1));
  }

  private static void inferGatherNd(InferenceContext context) {
    Shape data = context.inputShape(0);
    Shape indices = context.inputShape(1);
    Shape result = null;
    if (data != null && indices != null) {
      Arguments.require(indices.rank() > 0, "indices are a scalar");
      long batch = context.node().integer("batch_dims", 0);
      Dimension depth = indices.dimension(-1);
      if (depth.isKnown()) {
        long from = batch + depth.size();
        Arguments.require(
            batch >= 0 && batch < indices.rank() && from <= data.rank(),
            "indices " + indices + " with " + batch + " batch dimensions do not fit " + data);
        result =
            Arguments.concatenate(
                Arguments.part(indices, 0, indices.rank() - 1),
                Arguments.part(data, (int) from, data.rank()));
      }
    }
    context.output(0, context.inputType(0), result);
  }

  private static long reduction(InferenceContext context) {
    String name = context.node().text("reduction", "none");
    Arguments.require(REDUCTIONS.contains(name), "reduction is '" + name + "'");
    return REDUCTIONS.indexOf(name);
  }

  private static NativeCall lowerScatterElements(InferenceContext context) {
    int rank = Arguments.sizes(context, 0).length;
    int axis = Shapes.axis(context.node().integer("axis", 0), rank);
    return NativeCall.of("ScatterElements", 3, new long[] {axis, reduction(context)});
  }

  private static void inferOneHot(InferenceContext context) {
    Shape indices = context.inputShape(0);
    Shape result = null;
    if (indices != null) {
      Dimension depth = depth(context);
      int axis = Shapes.axis(context.node().integer("axis", -1), indices.rank() + 1);
      List<Dimension> sizes = new ArrayList<>(indices.dimensions());
      sizes.add(axis, depth == null ? Dimension.unknown() : depth);
      result = new Shape(sizes);
    }
    context.output(0, context.inputType(2), result);
  }

  /** The depth may come as any number type; null when it is computed from data. */
  private static Dimension depth(InferenceContext context) {
    Tensor constant = context.inputConstant(1);
    if (constant != null && constant.type().isFloatingPoint()) {
      Arguments.require(constant.elements() == 1, "depth must be one number, given " + constant);
      return Dimension.of((long) constant.toFloats()[0]);
    }
    return Arguments.oneDimension(context, "depth", 1);
  }

  private static NativeCall lowerOneHot(InferenceContext context) {
    int rank = Arguments.outputSizes(context, 0).length;
    int axis = Shapes.axis(context.node().integer("axis", -1), rank);
    return new NativeCall("OneHot", List.of(0, 2), new long[] {axis}, new double[0], false);
  }

  private static void inferTopK(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape result = shape;
    if (shape != null) {
      int axis = Shapes.axis(context.node().integer("axis", -1), shape.rank());
      Dimension count =
          context.opset() < 10
              ? Dimension.of(context.node().integer("k", 1))
              : Arguments.oneDimension(context, "k", 1);
      Dimension size = shape.dimension(axis);
      boolean fits =
          count == null || !count.isKnown() || !size.isKnown() || count.size() <= size.size();
      Arguments.require(fits, "k is " + count + ", axis " + axis + " of " + shape + " has less");
      result = Shapes.with(shape, axis, count == null ? Dimension.unknown() : count);
    }
    context.output(0, context.inputType(0), result);
    context.output(1, DataType.INT64, result);
  }

  private static NativeCall lowerTopK(InferenceContext context) {
    int rank = Arguments.sizes(context, 0).length;
    long axis = Shapes.axis(context.node().integer("axis", -1), rank);
    return NativeCall.of("TopK", 1, new long[] {axis, context.node().integer("largest", 1)});
  }

  private static void inferNonZero(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Shape result = Shapes.unknown(2);
    if (shape != null) {
      Tensor data = context.inputConstant(0);
      Dimension count = data == null ? Dimension.unknown() : Dimension.of(countNonZero(data));
      result = Shape.of(Dimension.of(shape.rank()), count);
    }
    context.output(0, DataType.INT64, result);
  }

  private static long countNonZero(Tensor data) {
    if (data.type() == DataType.FLOAT64) {
      double[] values = new double[Math.toIntExact(data.elements())];
      data.buffer().asDoubleBuffer().get(values);
      return Arrays.stream(values).filter(value -> value != 0).count();
    }
    if (data.type().isFloatingPoint()) {
      long count = 0;
      for (float value : data.toFloats()) {
        count += value != 0 ? 1 : 0;
      }
      return count;
    }
    return Arrays.stream(data.toLongs()).filter(value -> value != 0).count();
  }

  private static NativeCall lowerNonZero(InferenceContext context) {
    Arguments.outputSizes(context, 0);
    return NativeCall.of("NonZero", 1, new long[0]);
  }

  private static void inferCompress(InferenceContext context) {
    Shape shape = context.inputShape(0);
    Tensor condition = context.inputConstant(1);
    Dimension count =
        condition == null ? Dimension.unknown() : Dimension.of(countNonZero(condition));
    Shape result;
    if (!context.node().attributes().containsKey("axis")) {
      result = Shape.of(count);
    } else if (shape == null) {
      result = null;
    } else {
      int axis = Shapes.axis(context.node().integer("axis", 0), shape.rank());
      result = Shapes.with(shape, axis, count);
    }
    context.output(0, context.inputType(0), result);
  }

  private static NativeCall lowerCompress(InferenceContext context) {
    Arguments.outputSizes(context, 0);
    boolean flat = !context.node().attributes().containsKey("axis");
    return flat ? NativeCall.of("Compress", 2, new long[0]) : alongAxis(context, "Compress", 2);
  }
}
