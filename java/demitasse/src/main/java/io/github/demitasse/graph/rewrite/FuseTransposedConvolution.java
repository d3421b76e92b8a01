package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A transposed convolution with stride s becomes a convolution whose results are blocks of s x s
 * pixels (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?"): all
 * pixels of such a block of its result are sums over the same window of its input. What the window
 * takes in without meeting a weight meets zeros. Where the result does not begin or end with a
 * block, a Slice cuts it out.
 */
final class FuseTransposedConvolution implements Rewrite {
  /** So much wider than the weights may the window with its zeros be. */
  private static final int MOST_WIDENING = 2;

  @Override
  public Set<String> roots() {
    return Set.of("ConvTranspose");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Weight filters = graph.weight(root.input(1));
    boolean possible =
        isFloat(filters)
            && filters.shape().length == 4
            && graph.type(root.input(0)) == DataType.FLOAT32
            && root.integer("group", 1) == 1
            && (!root.hasInput(2) || isFloat(graph.weight(root.input(2))));
    if (!possible) {
      return false;
    }
    Window rows = Window.of(root, filters.shape(), 0);
    Window columns = Window.of(root, filters.shape(), 1);
    if (rows == null || columns == null || rows.stride != columns.stride) {
      return false;
    }
    Weight blocks = new BlockFilters(filters.shape(), rows, columns).of(filters);
    if (blocks == null) {
      return false;
    }
    replace(root, blocks, rows, columns, graph);
    return true;
  }

  private static boolean isFloat(Weight weight) {
    return weight != null && weight.type() == DataType.FLOAT32;
  }

  /**
   * One axis: block q of the result holds pixels {@code q * stride - crop + r}; of the input it
   * sees {@code inputs} pixels, the first of them {@code q - before}.
   *
   * @param kernel the size of the transposed kernel
   * @param offset the tap that the last of those pixels would meet in the block's first pixel, when
   *     before is 0: its padding less the crop
   * @param inputs the size of the window
   * @param before the padding in front of the input
   * @param after the padding behind it
   * @param crop how much of the first block is not a part of the result
   * @param rest how much of the last block is not
   */
  record Window(
      int kernel, int stride, int offset, int inputs, int before, int after, int crop, int rest) {

    /** Null where it is not said in this form. */
    static Window of(Node node, long[] shape, int axis) {
      int kernel = (int) shape[2 + axis];
      int stride = (int) at(node, "strides", axis, 1);
      long dilation = at(node, "dilations", axis, 1);
      long extra = at(node, "output_padding", axis, 0);
      long[] pads = pads(node, axis, kernel + extra - stride);
      boolean fits =
          pads != null
              && kernel > 0
              && dilation == 1
              && stride >= 1
              && stride <= FusedOperators.LARGEST_BLOCK
              && extra >= 0
              && extra < stride
              && Math.max(pads[0], pads[1]) < kernel;
      if (!fits) {
        return null;
      }
      boolean same = node.text("auto_pad", "NOTSET").startsWith("SAME");
      int surplus = same ? 0 : (int) (kernel - stride + extra - pads[0] - pads[1]);
      Window best = null;
      for (int crop = 0; crop < stride; crop++) {
        Window window = of(kernel, stride, (int) pads[0] - crop, crop, surplus);
        if (window.isPossible() && (best == null || window.inputs < best.inputs)) {
          best = window;
        }
      }
      return best;
    }

    /**
     * @param surplus what the result has more than {@code stride} pixels for each of the input
     */
    private static Window of(int kernel, int stride, int offset, int crop, int surplus) {
      int first = -Math.floorDiv(stride - 1 + offset, stride);
      int before = Math.floorDiv(kernel - 1 - offset, stride);
      int blocks = -Math.floorDiv(-(surplus + crop), stride);
      return new Window(
          kernel,
          stride,
          offset,
          before - first + 1,
          before,
          blocks - first,
          crop,
          blocks * stride - crop - surplus);
    }

    private boolean isPossible() {
      return before >= 0
          && after >= 0
          && inputs * stride <= MOST_WIDENING * Math.max(kernel, stride);
    }

    boolean isCut() {
      return crop > 0 || rest > 0;
    }

    /** The tap that a pixel of the window meets in row or column {@code r} of the block. */
    int tap(int r, int input) {
      return (before - input) * stride + r + offset;
    }

    private static long at(Node node, String attribute, int axis, long otherwise) {
      long[] values = node.integers(attribute);
      return values == null || values.length != 2 ? otherwise : values[axis];
    }

    private static long[] pads(Node node, int axis, long total) {
      long[] shape = node.integers("output_shape");
      if (shape != null && shape.length > 0) {
        return null;
      }
      long[] pads = node.integers("pads");
      return switch (node.text("auto_pad", "NOTSET")) {
        case "NOTSET" ->
            pads == null || pads.length != 4
                ? new long[2]
                : new long[] {pads[axis], pads[2 + axis]};
        case "VALID" -> new long[2];
        case "SAME_UPPER" -> halves(Math.max(0, total), 0);
        case "SAME_LOWER" -> halves(Math.max(0, total), 1);
        default -> null;
      };
    }

    private static long[] halves(long total, long roundedUp) {
      long front = (total + roundedUp) / 2;
      return new long[] {front, total - front};
    }
  }

  private static void replace(
      Node root, Weight blocks, Window rows, Window columns, GraphEditor graph) {
    String layer =
        LayerNames.layer(root.input(1), root.hasInput(2) ? root.input(2) : null, root.name());
    List<String> inputs = new ArrayList<>(List.of(root.input(0)));
    inputs.add(stored(root.input(1), blocks, graph));
    if (root.hasInput(2)) {
      float[] bias = Convolutions.floats(graph.weight(root.input(2)));
      float[] repeated = new float[bias.length * rows.stride * rows.stride];
      for (int i = 0; i < repeated.length; i++) {
        repeated[i] = bias[i % bias.length];
      }
      inputs.add(
          stored(root.input(2), new DenseWeight(Tensor.of(repeated, repeated.length)), graph));
    }
    Map<String, Attribute> attributes = new HashMap<>();
    attributes.put("activation", Attribute.of(Convolutions.NONE));
    if (rows.stride > 1) {
      attributes.put("blocksize", Attribute.of(rows.stride));
    }
    attributes.put(
        "pads",
        Attribute.ofIntegers(
            List.of(
                (long) rows.before,
                (long) columns.before,
                (long) rows.after,
                (long) columns.after)));
    boolean cut = rows.isCut() || columns.isCut();
    String result = cut ? graph.freshValue(root.output(0) + "/blocks") : root.output(0);
    List<Node> replacement = new ArrayList<>();
    replacement.add(
        new Node(
            graph.freshNode(layer, root),
            Domains.DEMITASSE,
            FusedOperators.FUSED_CONV,
            inputs,
            List.of(result),
            attributes));
    if (cut) {
      replacement.add(slice(result, root, rows, columns, graph));
    }
    graph.replace(root, replacement);
  }

  private static String stored(String former, Weight weight, GraphEditor graph) {
    return Convolutions.store(former, weight, former, graph);
  }

  private static Node slice(
      String blocks, Node root, Window rows, Window columns, GraphEditor graph) {
    Shape shape = graph.shape(root.output(0));
    if (shape != null) {
      graph.describe(
          blocks,
          DataType.FLOAT32,
          Shape.of(
              shape.dimension(0),
              shape.dimension(1),
              uncut(shape.dimension(2), rows),
              uncut(shape.dimension(3), columns)));
    }
    String name = root.output(0);
    return Node.of(
        graph.freshNode(root.name() + "/Slice"),
        "Slice",
        List.of(
            blocks,
            graph.addWeight(name + "/starts", Constants.of(rows.crop, columns.crop)),
            graph.addWeight(name + "/ends", Constants.of(end(rows), end(columns))),
            graph.addWeight(name + "/axes", Constants.of(2, 3))),
        root.outputs());
  }

  private static Dimension uncut(Dimension size, Window window) {
    return size.isKnown()
        ? Dimension.of(size.size() + window.crop + window.rest)
        : Dimension.unknown();
  }

  private static long end(Window window) {
    return window.rest == 0 ? Integer.MAX_VALUE : -window.rest;
  }
}
