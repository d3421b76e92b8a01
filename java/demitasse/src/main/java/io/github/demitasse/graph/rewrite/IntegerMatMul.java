package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A product of integer matrices as other tools write it, said as FakeQuantize and Linear: what a
 * rewrite has gathered about it.
 *
 * @param codes the constant matrix
 * @param zeroPoint of its codes, "" for zero
 */
record IntegerMatMul(String codes, String zeroPoint) {

  /**
   * The constant matrix with its scales.
   *
   * @param scale one number or a row of numbers, null for 1
   * @param factor multiplies all scales
   * @return null when codes, zero points and scales are not those of a quantized matrix
   */
  QuantizedWeight weight(String scale, double factor, GraphEditor graph) {
    if (!(graph.weight(codes) instanceof DenseWeight matrix)) {
      return null;
    }
    Tensor tensor = matrix.tensor();
    boolean bytes = tensor.type() == DataType.INT8 || tensor.type() == DataType.UINT8;
    if (!bytes || tensor.rank() != 2) {
      return null;
    }
    long columns = tensor.dimension(1);
    float[] scales = scale == null ? new float[] {1} : row(graph.weight(scale), columns);
    Tensor zeroPoints = zeroPoint.isEmpty() ? null : zeroPoints(tensor, columns, graph);
    if (scales == null || zeroPoints == null && !zeroPoint.isEmpty()) {
      return null;
    }
    for (int i = 0; i < scales.length; i++) {
      scales[i] = (float) (scales[i] * factor);
    }
    zeroPoints = WeightLayouts.nullIfZero(zeroPoints);
    boolean perTensor = scales.length == 1 && (zeroPoints == null || zeroPoints.elements() == 1);
    Tensor steps = Tensor.of(scales, scales.length);
    if (perTensor) {
      return new QuantizedWeight(tensor, steps, zeroPoints, new Granularity.PerTensor());
    }
    return new QuantizedWeight(
        tensor,
        perColumn(steps, columns),
        zeroPoints == null ? null : perColumn(zeroPoints, columns),
        new Granularity.PerChannel(1));
  }

  private static Tensor perColumn(Tensor parameters, long columns) {
    return parameters.elements() == columns && parameters.rank() == 1
        ? parameters
        : WeightLayouts.repeated(parameters, columns).reshaped(columns);
  }

  private Tensor zeroPoints(Tensor matrix, long columns, GraphEditor graph) {
    if (!(graph.weight(zeroPoint) instanceof DenseWeight weight)) {
      return null;
    }
    Tensor tensor = weight.tensor();
    boolean fits =
        tensor.type() == matrix.type() && (tensor.elements() == 1 || tensor.elements() == columns);
    return fits ? tensor.reshaped(tensor.elements()) : null;
  }

  private static float[] row(Weight weight, long columns) {
    boolean fits =
        weight instanceof DenseWeight
            && weight.type() == DataType.FLOAT32
            && (weight.elements() == 1
                || weight.elements() == columns
                    && weight.shape()[weight.shape().length - 1] == columns);
    return fits ? ((DenseWeight) weight).tensor().toFloats() : null;
  }

  /**
   * Puts FakeQuantize and Linear in the place of {@code root}, whose only output they compute.
   *
   * @param product the node of the integer product, for the layer's name
   * @param bias of the right shape, or ""
   */
  void replace(
      Node root,
      Node product,
      String x,
      Map<String, Attribute> quantization,
      QuantizedWeight weight,
      String bias,
      GraphEditor graph) {
    List<Node> nodes = new ArrayList<>();
    String quantized = FakeQuantizes.of(x, quantization, nodes, graph);
    String layer =
        graph.freshNode(
            LayerNames.layer(codes, bias.isEmpty() ? null : bias, product.name()), root);
    boolean meaningful = !LayerNames.isAnonymous(LayerNames.stored(codes));
    String name =
        graph.addWeight(meaningful ? LayerNames.stored(codes) : layer + ".weight", weight);
    nodes.add(Linears.create(layer, quantized, name, bias, root.output(0)));
    graph.replace(root, nodes);
  }
}
