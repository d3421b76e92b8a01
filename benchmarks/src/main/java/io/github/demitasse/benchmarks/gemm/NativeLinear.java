package io.github.demitasse.benchmarks.gemm;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.runtime.SessionOptions;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: one quantized linear layer as a model of its own, run through a session.
 */
final class NativeLinear implements AutoCloseable {
  private final Session session;
  private final Map<String, Tensor> inputs;

  NativeLinear(byte[] codes, float[] scales, float[] bias, float[] x, int rows, int k, int n) {
    this(
        new QuantizedWeight(
            Tensor.ofBytes(DataType.INT8, codes, k, n),
            Tensor.of(scales, n),
            null,
            new Granularity.PerChannel(1)),
        bias,
        x,
        rows,
        1);
  }

  NativeLinear(Weight weight, float[] bias, float[] x, int rows, int threads) {
    long k = weight.shape()[0];
    long n = weight.shape()[1];
    Node quantize =
        new Node(
            "quantize",
            Domains.DEMITASSE,
            FusedOperators.FAKE_QUANTIZE,
            List.of("x"),
            List.of("x_quantized"),
            Map.of("mode", Attribute.of("dynamic_row")));
    Node linear =
        new Node(
            "linear",
            Domains.DEMITASSE,
            FusedOperators.LINEAR,
            List.of("x_quantized", "weight", "bias"),
            List.of("y"),
            Map.of("activation", Attribute.of("none")));
    Graph graph =
        new Graph(
            "linear",
            Map.of("", 17, Domains.DEMITASSE, 1),
            List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(rows, k))),
            List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(rows, n))),
            List.of(quantize, linear),
            Map.of());
    Model model =
        new Model(
            graph, Map.of("weight", weight, "bias", new DenseWeight(Tensor.of(bias, n))), Map.of());
    session = Session.open(model, SessionOptions.threads(threads));
    inputs = Map.of("x", Tensor.of(x, rows, k));
  }

  void run() {
    session.run(inputs).get("y").close();
  }

  float[] result() {
    try (Tensor y = session.run(inputs).get("y")) {
      return y.toFloats();
    }
  }

  @Override
  public void close() {
    session.close();
  }
}
