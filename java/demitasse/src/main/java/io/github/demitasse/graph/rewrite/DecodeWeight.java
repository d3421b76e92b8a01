package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.BinaryWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.Set;

/** DequantizeLinear of a constant is a quantized weight, or a plain one for 32-bit biases. */
final class DecodeWeight implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("DequantizeLinear");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    boolean constant =
        graph.weight(root.input(0)) instanceof DenseWeight
            && graph.weight(root.input(1)) instanceof DenseWeight
            && graph.type(root.input(1)) == DataType.FLOAT32
            && (!root.hasInput(2) || graph.weight(root.input(2)) instanceof DenseWeight);
    if (!constant || graph.isKept(root.output(0))) {
      return false;
    }
    Tensor codes = tensor(root, 0, graph);
    Tensor scales = Constants.floats(graph.weight(root.input(1)));
    Tensor zeroPoints = root.hasInput(2) ? tensor(root, 2, graph) : null;
    Weight weight = decode(root, codes, scales, zeroPoints);
    if (weight == null) {
      return false;
    }
    String name = graph.addWeight(LayerNames.stored(root.input(0)), weight);
    return graph.redirect(root.output(0), name);
  }

  private static Tensor tensor(Node node, int input, GraphEditor graph) {
    return ((DenseWeight) graph.weight(node.input(input))).tensor();
  }

  private static Weight decode(Node root, Tensor codes, Tensor scales, Tensor zeroPoints) {
    boolean fits =
        zeroPoints == null
            || zeroPoints.elements() == scales.elements() && zeroPoints.type() == codes.type();
    Granularity granularity = fits ? granularity(root, codes, scales) : null;
    if (granularity == null) {
      return null;
    }
    return switch (codes.type()) {
      case INT8, UINT8, INT4, UINT4, INT2, UINT2 ->
          codes(codes, scales, WeightLayouts.nullIfZero(zeroPoints), granularity);
      case INT32 -> bias(codes, scales, zeroPoints);
      default -> null;
    };
  }

  /** A matrix of nothing but 1 and -1 is one of signs. */
  private static Weight codes(
      Tensor codes, Tensor scales, Tensor zeroPoints, Granularity granularity) {
    QuantizedWeight weight = new QuantizedWeight(codes, scales, zeroPoints, granularity);
    boolean signed = codes.type() == DataType.INT4 || codes.type() == DataType.INT8;
    boolean possible = signed && zeroPoints == null && codes.rank() == 2 && codes.elements() > 0;
    if (!possible || !startsWithSign(codes)) {
      return weight;
    }
    long[] values = codes.toLongs();
    byte[] signs = new byte[(values.length + 7) / 8];
    for (int i = 0; i < values.length; i++) {
      if (values[i] != 1 && values[i] != -1) {
        return weight;
      }
      if (values[i] > 0) {
        signs[i / 8] |= (byte) (1 << i % 8);
      }
    }
    return new BinaryWeight(
        Tensor.ofBytes(DataType.UINT8, signs, signs.length),
        Math.toIntExact(codes.dimension(0)),
        Math.toIntExact(codes.dimension(1)),
        scales,
        granularity);
  }

  /** Spares other weights the look at all of their codes. */
  private static boolean startsWithSign(Tensor codes) {
    int first = codes.buffer().get(0);
    int code = codes.type() == DataType.INT4 ? first << 28 >> 28 : first;
    return Math.abs(code) == 1;
  }

  private static Granularity granularity(Node root, Tensor codes, Tensor scales) {
    int blockSize = (int) root.integer("block_size", 0);
    long axis = root.integer("axis", 1);
    int positive = (int) (axis < 0 ? axis + codes.rank() : axis);
    if (blockSize == 0 && scales.elements() == 1 && scales.rank() <= 1) {
      return new Granularity.PerTensor();
    }
    if (positive < 0 || positive >= codes.rank()) {
      return null;
    }
    if (blockSize == 0) {
      boolean perChannel = scales.rank() == 1 && scales.elements() == codes.dimension(positive);
      return perChannel ? new Granularity.PerChannel(positive) : null;
    }
    boolean divides =
        scales.rank() == codes.rank()
            && codes.dimension(positive) == scales.dimension(positive) * blockSize
            && scales.elements() * blockSize == codes.elements();
    return divides ? new Granularity.PerGroup(positive, blockSize) : null;
  }

  /** A bias: few numbers, one scale for all or one for each. */
  private static DenseWeight bias(Tensor codes, Tensor scales, Tensor zeroPoints) {
    boolean simple = scales.elements() == 1 || codes.rank() == 1;
    if (!simple) {
      return null;
    }
    long[] numbers = codes.toLongs();
    long[] zeros = zeroPoints == null ? new long[(int) scales.elements()] : zeroPoints.toLongs();
    float[] steps = scales.toFloats();
    float[] values = new float[numbers.length];
    for (int i = 0; i < values.length; i++) {
      int index = steps.length == 1 ? 0 : i;
      values[i] = (numbers[i] - zeros[index]) * steps[index];
    }
    return new DenseWeight(Tensor.of(values, codes.shape()));
  }
}
