package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.HalfFloats;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WidenHalfPrecisionTest {

  private static Tensor half(Tensor floats) {
    Tensor half = Tensor.allocate(DataType.FLOAT16, floats.shape());
    float[] values = floats.toFloats();
    for (int i = 0; i < values.length; i++) {
      half.buffer().putShort(i * 2, HalfFloats.floatToFloat16(values[i]));
    }
    return half;
  }

  private static Model typed(Model model, DataType output) {
    Graph graph = model.graph();
    List<ValueInfo> outputs =
        graph.outputs().stream().map(o -> new ValueInfo(o.name(), output, null)).toList();
    return model.withGraph(
        new Graph(graph.name(), graph.opsets(), graph.inputs(), outputs, graph.nodes(), Map.of()));
  }

  /** As converters write it: everything in half precision, with casts around. */
  @Test
  void aModelBetweenCastsIsComputedInSinglePrecision() {
    Model model =
        typed(
            Graphs.opset(17)
                .input("x", DataType.FLOAT32, "batch", 80)
                .weight("w", half(Evaluation.random(1, 80, 70)))
                .weight("b", half(Evaluation.random(2, 70)))
                .node("x16", "Cast", "x", "to", 10)
                .node("m", "MatMul", "x16 w")
                .node("s", "Add", "m b")
                .node("r", "Relu", "s")
                .node("y", "Cast", "r", "to", 1)
                .outputs("y")
                .model(),
            DataType.FLOAT32);
    Model fused = Rewrites.apply(model);
    assertEquals("{Linear=1}", Evaluation.operators(fused));
    Node linear = Evaluation.only(fused, "Linear");
    DenseWeight weight = (DenseWeight) fused.weights().get(linear.input(1));
    assertEquals(DataType.FLOAT16, weight.tensor().type(), "stored as before");
    Evaluation.assertSame(model, fused, 0.02f);
  }

  @Test
  void inputsAndOutputsKeepTheirType() {
    Model model =
        typed(
            Graphs.opset(17)
                .input("x", DataType.FLOAT16, 2, 3)
                .weight("w", half(Evaluation.random(1, 3, 3)))
                .node("m", "MatMul", "x w")
                .node("y", "Relu", "m")
                .outputs("y")
                .model(),
            DataType.FLOAT16);
    Model fused = Rewrites.apply(model);
    assertEquals("{Cast=2, Linear=1}", Evaluation.operators(fused));
    Map<String, Tensor> inputs = Map.of("x", half(Evaluation.random(4, 2, 3)));
    Evaluation.assertClose(
        Evaluation.run(model, inputs).get("y"), Evaluation.run(fused, inputs).get("y"), 4e-3f, "y");
  }

  @Test
  void aModelInSinglePrecisionStaysItself() {
    Model model =
        Graphs.opset(17)
            .input("x", DataType.FLOAT32, 2)
            .node("y", "Relu", "x")
            .outputs("y")
            .model();
    assertSame(model, WidenHalfPrecision.apply(model));
  }
}
