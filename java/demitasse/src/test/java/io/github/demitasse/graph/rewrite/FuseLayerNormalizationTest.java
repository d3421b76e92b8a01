package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FuseLayerNormalizationTest {

  private static Graphs graph() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", "length", 8)
        .weight("norm.weight", Evaluation.random(1, 8))
        .weight("norm.bias", Evaluation.random(2, 8))
        .weight("two", Tensor.scalar(2f))
        .weight("one", Tensor.scalar(1f))
        .weight("epsilon", Tensor.scalar(1e-5f))
        .integers("last", -1)
        .integers("last too", 2);
  }

  private static Graphs centered(Graphs graph) {
    return graph.node("mean", "ReduceMean", "x last").node("centered", "Sub", "x mean");
  }

  private static Graphs deviation(Graphs graph) {
    return graph
        .node("square", "Pow", "centered two")
        .node("variance", "ReduceMean", "square last")
        .node("more", "Add", "variance epsilon")
        .node("deviation", "Sqrt", "more");
  }

  private static Graphs pytorch() {
    return deviation(centered(graph())).node("normal", "Div", "centered deviation");
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.model();
    Model result = Rewrites.apply(model, List.of(new FuseLayerNormalization()));
    Evaluation.assertSame(model, result);
    return result;
  }

  @ParameterizedTest
  @CsvSource({
    "normal norm.weight, scaled norm.bias",
    "norm.weight normal, scaled norm.bias",
    "normal norm.weight, norm.bias scaled"
  })
  void asPyTorchExportsIt(String product, String sum) {
    Model fused =
        rewritten(pytorch().node("scaled", "Mul", product).node("y", "Add", sum).outputs("y"));
    assertEquals("{LayerNormalization=1}", Evaluation.operators(fused));
    Node node = Evaluation.only(fused, "LayerNormalization");
    assertEquals("norm", node.name());
    assertEquals(1e-5f, node.number("epsilon", 0));
    assertEquals(List.of("x", "norm.weight", "norm.bias"), node.inputs());
  }

  @Test
  void withTheSquareAsAProductAndTwoDifferences() {
    Graphs graph =
        centered(graph())
            .node("again", "Sub", "x mean")
            .node("square", "Mul", "again again")
            .node("variance", "ReduceMean", "square last")
            .node("more", "Add", "epsilon variance")
            .node("deviation", "Sqrt", "more")
            .node("normal", "Div", "centered deviation")
            .node("scaled", "Mul", "normal norm.weight")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y");
    assertEquals("{LayerNormalization=1}", Evaluation.operators(rewritten(graph)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Reciprocal", "Div"})
  void withAnInverse(String operator) {
    Graphs graph =
        deviation(centered(graph()))
            .node("inverse", operator, operator.equals("Div") ? "one deviation" : "deviation")
            .node("normal", "Mul", "centered inverse")
            .node("scaled", "Mul", "normal norm.weight")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y");
    assertEquals("{LayerNormalization=1}", Evaluation.operators(rewritten(graph)));
  }

  @Test
  void asKerasExportsIt() {
    Graphs graph =
        deviation(centered(graph()))
            .node("inverse", "Reciprocal", "deviation")
            .node("factor", "Mul", "inverse norm.weight")
            .node("scaled", "Mul", "x factor")
            .node("shift", "Mul", "mean factor")
            .node("offset", "Sub", "norm.bias shift")
            .node("y", "Add", "scaled offset")
            .outputs("y");
    assertEquals("{LayerNormalization=1}", Evaluation.operators(rewritten(graph)));
  }

  @Test
  void withoutBias() {
    Graphs graph =
        pytorch().node("scaled", "Mul", "normal norm.weight").node("y", "Relu", "scaled");
    Model fused = rewritten(graph.outputs("y"));
    assertEquals("{LayerNormalization=1, Relu=1}", Evaluation.operators(fused));
  }

  @Test
  void inAnOldOperatorSetToo() {
    Model model =
        Graphs.opset(11)
            .input("x", DataType.FLOAT32, "batch", 8)
            .weight("gamma", Evaluation.random(1, 8))
            .weight("beta", Evaluation.random(2, 8))
            .weight("two", Tensor.scalar(2f))
            .weight("epsilon", Tensor.scalar(1e-12f))
            .node("mean", "ReduceMean", "x", "axes", new long[] {-1})
            .node("centered", "Sub", "x mean")
            .node("square", "Pow", "centered two")
            .node("variance", "ReduceMean", "square", "axes", new long[] {1})
            .node("more", "Add", "variance epsilon")
            .node("deviation", "Sqrt", "more")
            .node("normal", "Div", "centered deviation")
            .node("scaled", "Mul", "normal gamma")
            .node("y", "Add", "scaled beta")
            .outputs("y")
            .model();
    Model fused = Rewrites.apply(model);
    assertEquals("{LayerNormalization=1}", Evaluation.operators(fused));
    Evaluation.assertSame(model, fused);
  }

  private static void assertUntouched(Graphs graph) {
    Model model = graph.model();
    Model result = Rewrites.apply(model, List.of(new FuseLayerNormalization()));
    assertEquals(Evaluation.operators(model), Evaluation.operators(result));
    assertFalse(Evaluation.operators(result).contains("LayerNormalization"));
  }

  @Test
  void overAnotherAxisItIsNone() {
    Graphs graph =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, 8, 8)
            .weight("gamma", Evaluation.random(1, 8))
            .weight("beta", Evaluation.random(2, 8))
            .weight("two", Tensor.scalar(2f))
            .weight("epsilon", Tensor.scalar(1e-12f))
            .integers("first", 0)
            .integers("last", 1)
            .node("mean", "ReduceMean", "x first")
            .node("centered", "Sub", "x mean")
            .node("square", "Pow", "centered two")
            .node("variance", "ReduceMean", "square last")
            .node("more", "Add", "variance epsilon")
            .node("deviation", "Sqrt", "more")
            .node("normal", "Div", "centered deviation")
            .node("scaled", "Mul", "normal gamma")
            .node("y", "Add", "scaled beta")
            .outputs("y");
    assertUntouched(graph);
  }

  @Test
  void withEpsilonOutsideTheRootItIsNone() {
    assertUntouched(
        centered(graph())
            .node("square", "Pow", "centered two")
            .node("variance", "ReduceMean", "square last")
            .node("root", "Sqrt", "variance")
            .node("deviation", "Add", "root epsilon")
            .node("normal", "Div", "centered deviation")
            .node("scaled", "Mul", "normal norm.weight")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y"));
  }

  @Test
  void withAnotherPowerItIsNone() {
    assertUntouched(
        centered(graph())
            .weight("three", Tensor.scalar(3f))
            .node("square", "Pow", "centered three")
            .node("variance", "ReduceMean", "square last")
            .node("more", "Add", "variance epsilon")
            .node("deviation", "Sqrt", "more")
            .node("normal", "Div", "centered deviation")
            .node("scaled", "Mul", "normal norm.weight")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"centered", "deviation", "normal", "mean"})
  void whatOthersReadStays(String used) {
    assertUntouched(
        pytorch()
            .node("scaled", "Mul", "normal norm.weight")
            .node("y", "Add", "scaled norm.bias")
            .node("other", "Neg", used)
            .outputs("y other"));
    assertUntouched(
        pytorch()
            .node("scaled", "Mul", "normal norm.weight")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y " + used));
  }

  @Test
  void parametersOfAnotherShapeAreNone() {
    assertUntouched(
        pytorch()
            .weight("matrix", Evaluation.random(3, 1, 8))
            .node("scaled", "Mul", "normal matrix")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y"));
    assertUntouched(
        pytorch()
            .node("scaled", "Mul", "normal two")
            .node("y", "Add", "scaled norm.bias")
            .outputs("y"));
  }

  @Test
  void aSumInFrontIsTakenIn() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", "length", 8)
            .input("r", DataType.FLOAT32, "batch", "length", 8)
            .weight("gamma", Evaluation.random(1, 8))
            .weight("beta", Evaluation.random(2, 8))
            .node("sum", "Add", "x r")
            .node("y", "LayerNormalization", "sum gamma beta", "epsilon", 1e-3f)
            .outputs("y")
            .model();
    Model fused = Rewrites.apply(model, List.of(new FuseSkipLayerNormalization()));
    Evaluation.assertSame(model, fused);
    Node node = Evaluation.only(fused, "SkipLayerNormalization");
    assertEquals(List.of("y"), node.outputs());
    assertEquals(1e-3f, node.number("epsilon", 0));
  }

  @Test
  void aSumThatOthersReadComesOut() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", "length", 8)
            .input("r", DataType.FLOAT32, "batch", "length", 8)
            .weight("gamma", Evaluation.random(1, 8))
            .node("sum", "Add", "x r")
            .node("early", "Neg", "sum")
            .node("y", "LayerNormalization", "sum gamma", "axis", 2)
            .node("z", "Add", "y sum")
            .outputs("early z")
            .model();
    Model fused = Rewrites.apply(model, List.of(new FuseSkipLayerNormalization()));
    Evaluation.assertSame(model, fused);
    assertEquals(List.of("y", "sum"), Evaluation.only(fused, "SkipLayerNormalization").outputs());
  }

  @Test
  void aSumThatBroadcastsIsNotTakenIn() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", "length", 8)
            .input("r", DataType.FLOAT32, 1, "length", 8)
            .weight("gamma", Evaluation.random(1, 8))
            .node("sum", "Add", "x r")
            .node("y", "LayerNormalization", "sum gamma")
            .outputs("y")
            .model();
    assertEquals(
        "{Add=1, LayerNormalization=1}",
        Evaluation.operators(Rewrites.apply(model, List.of(new FuseSkipLayerNormalization()))));
  }

  /** The whole pattern, for tests that change it. */
  static Model pytorchModel() {
    return pytorch()
        .node("scaled", "Mul", "normal norm.weight")
        .node("y", "Add", "scaled norm.bias")
        .outputs("y")
        .model();
  }
}
