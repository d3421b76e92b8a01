package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Confined to one thread: asks whether a graph computes every sample of a batch by itself, so that
 * a batch can run piece by piece, on several threads, with the same results.
 *
 * <p>The answer is yes only where every node is known to keep samples apart: those that work row by
 * row (see {@link RowOperators}) with a row for each sample, those that slide over an image, and
 * those that move data without touching the first axis.
 */
final class SampleWise {
  /** Only their first input, and perhaps a residual, may come from the batch. */
  private static final Set<String> BY_IMAGE =
      Set.of(
          "Conv",
          "ConvTranspose",
          "MaxPool",
          "AveragePool",
          "LpPool",
          "GlobalAveragePool",
          "GlobalMaxPool",
          "GlobalLpPool",
          "BatchNormalization",
          "InstanceNormalization",
          "LRN",
          "DepthToSpace",
          "SpaceToDepth",
          "QuantizeLinear",
          "DequantizeLinear",
          "LayerNormalization",
          FusedOperators.FUSED_CONV,
          FusedOperators.FAKE_QUANTIZE,
          FusedOperators.BINARIZE);

  /** All their inputs may come from the batch. */
  private static final Set<String> BY_SEQUENCE =
      Set.of(
          FusedOperators.SKIP_LAYER_NORMALIZATION,
          FusedOperators.MULTI_HEAD_ATTENTION,
          FusedOperators.PACKED_ATTENTION,
          FusedOperators.SEQUENCE_POOLING);

  private static final Set<String> PRODUCTS = Set.of(FusedOperators.LINEAR, "MatMul");

  private static final int RESIDUAL = 3;

  private final SequenceView view;
  private final Set<String> sizes = new HashSet<>();

  private SampleWise(SequenceView view) {
    this.view = view;
  }

  /**
   * Bytes of the largest value that one sample of these inputs needs, or 0 where the samples of a
   * batch are not known to be independent.
   *
   * @param inputs the graph's, whose first dimension is the batch
   * @param outputs the wanted ones
   */
  static long largestValue(Model model, Tensor[] inputs, List<String> outputs) {
    SequenceView view = SequenceView.ofSamples(model, inputs);
    return view == null ? 0 : new SampleWise(view).largestValue(model, outputs);
  }

  private long largestValue(Model model, List<String> outputs) {
    long largest = 1;
    try {
      for (Node node : model.graph().nodes()) {
        if (isOfSizes(node)) {
          sizes.addAll(node.outputs());
          continue;
        }
        if (!isSampleWise(node)) {
          RuntimeLog.debug("'{}' runs whole batches: {}", model.graph().name(), node);
          return 0;
        }
        for (String output : node.outputs()) {
          if (!output.isEmpty()) {
            largest = Math.max(largest, bytes(output));
          }
        }
      }
      for (String output : outputs) {
        if (!isBatch(output) || !isOfWholeBytes(view.type(output))) {
          return 0;
        }
      }
      for (ValueInfo input : model.graph().inputs()) {
        largest = Math.max(largest, bytes(input.name()));
      }
      return largest;
    } catch (NotLowerableException | IllegalArgumentException reason) {
      RuntimeLog.debug("'{}' runs whole batches: {}", model.graph().name(), reason);
      return 0;
    }
  }

  private long bytes(String value) {
    return view.isConstant(value) ? 0 : view.type(value).bytes(view.shape(value).elements());
  }

  /** True when the node computes with sizes of tensors and constants only. */
  private boolean isOfSizes(Node node) {
    if (node.is("Shape") || node.is("Size")) {
      return true;
    }
    for (String input : node.inputs()) {
      if (!isFixed(input) && !sizes.contains(input)) {
        return false;
      }
    }
    return true;
  }

  private boolean isFixed(String input) {
    return input.isEmpty() || view.isConstant(input);
  }

  /** True when the value's first axis counts the samples. */
  private boolean isBatch(String value) {
    Shape shape = view.isConstant(value) ? null : view.symbolicShape(value);
    return shape != null && shape.rank() > 0 && view.isBatch(shape.dimension(0));
  }

  private boolean isSampleWise(Node node) {
    for (String output : node.outputs()) {
      if (!output.isEmpty() && !isBatch(output)) {
        return false;
      }
    }
    String name = node.operator();
    if (BY_IMAGE.contains(name)) {
      return isByImage(node);
    }
    if (BY_SEQUENCE.contains(name)) {
      return isBatch(node.input(0)) && areBatches(node);
    }
    if (PRODUCTS.contains(name)) {
      return isMatrixProduct(node);
    }
    return switch (name) {
      case "Transpose" -> {
        long[] order = node.integers("perm");
        yield isBatch(node.input(0)) && order != null && order.length > 0 && order[0] == 0;
      }
      case "Concat" -> {
        boolean batches = isWithin(node, 0);
        for (String input : node.inputs()) {
          batches &= isBatch(input);
        }
        yield batches;
      }
      case "Split", "Gather" -> isBatch(node.input(0)) && isWithin(node, 0) && othersAreSizes(node);
      case "Slice" -> isSlice(node);
      case "Resize", "Upsample" ->
          isBatch(node.input(0))
              && othersAreSizes(node)
              && !node.text("coordinate_transformation_mode", "").equals("tf_crop_and_resize");
      default -> areBatches(node) && RowOperators.call(node, view) != null;
    };
  }

  /** True when what comes from the batch has its samples first. */
  private boolean areBatches(Node node) {
    for (String input : node.inputs()) {
      if (!isFixed(input) && !sizes.contains(input) && !isBatch(input)) {
        return false;
      }
    }
    return true;
  }

  private boolean isByImage(Node node) {
    if (!isBatch(node.input(0)) || node.hasOutput(1) || !keepsToSamples(node)) {
      return false;
    }
    boolean added =
        node.operator().equals(FusedOperators.FUSED_CONV)
            || node.operator().equals(FusedOperators.LINEAR);
    for (int i = 1; i < node.inputs().size(); i++) {
      String input = node.input(i);
      // A constant residual may have another row for each sample.
      boolean fits = added && i == RESIDUAL ? input.isEmpty() || isBatch(input) : isFixed(input);
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  private boolean keepsToSamples(Node node) {
    return switch (node.operator()) {
      case "BatchNormalization" -> node.integer("training_mode", 0) == 0;
      case "QuantizeLinear", "DequantizeLinear" -> isWithin(node, 1);
      case "LayerNormalization" -> isWithin(node, -1);
      case FusedOperators.FAKE_QUANTIZE ->
          !node.text("mode", "").equals("dynamic_tensor") && isWithin(node, -1);
      default -> true;
    };
  }

  private boolean isMatrixProduct(Node node) {
    String second = node.input(1);
    int rank = view.symbolicShape(node.input(0)).rank();
    if (isBatch(node.input(0)) && isFixed(second)) {
      return view.symbolicShape(second).rank() <= 2 && isByImage(node);
    }
    return isBatch(node.input(0))
        && isBatch(second)
        && rank >= 3
        && rank == view.symbolicShape(second).rank();
  }

  /** True when the attribute {@code axis} names another axis than the first. */
  private boolean isWithin(Node node, long otherwise) {
    int rank = view.symbolicShape(node.input(0)).rank();
    long axis = node.integer("axis", otherwise);
    return (axis < 0 ? axis + rank : axis) != 0;
  }

  private boolean othersAreSizes(Node node) {
    for (int i = 1; i < node.inputs().size(); i++) {
      if (!isFixed(node.input(i)) && !sizes.contains(node.input(i))) {
        return false;
      }
    }
    return true;
  }

  private boolean isSlice(Node node) {
    if (!isBatch(node.input(0)) || !othersAreSizes(node)) {
      return false;
    }
    long[] axes;
    if (node.hasInput(3)) {
      Tensor given = view.constant(node.input(3));
      axes = given == null ? null : given.toLongs();
    } else {
      axes = node.integers("axes");
    }
    if (axes == null || axes.length == 0) {
      return false;
    }
    int rank = view.symbolicShape(node.input(0)).rank();
    for (long axis : axes) {
      if ((axis < 0 ? axis + rank : axis) == 0) {
        return false;
      }
    }
    return true;
  }

  /** True for tensors that can be cut along their first axis, all into as many samples. */
  static boolean isBatch(Tensor[] inputs) {
    for (Tensor input : inputs) {
      if (input.rank() == 0
          || !isOfWholeBytes(input.type())
          || input.dimension(0) != inputs[0].dimension(0)
          || input.elements() == 0) {
        return false;
      }
    }
    return inputs.length > 0;
  }

  private static boolean isOfWholeBytes(DataType type) {
    return type.bits() > 0 && type.bits() % 8 == 0;
  }
}
