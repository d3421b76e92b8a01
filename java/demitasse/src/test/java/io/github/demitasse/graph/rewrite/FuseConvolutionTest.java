package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Convolutions and what becomes a part of them. */
class FuseConvolutionTest {
  private static final List<Rewrite> REWRITES =
      List.of(
          new FuseHardSigmoid(),
          new FuseHardSwish(),
          new FuseConvolution(),
          new FoldIntoConvolution(),
          new FuseConvolutionActivation(),
          new FuseConvolutionScale(),
          new FuseResidual(FusedOperators.FUSED_CONV));

  /** "c" is a convolution of x with 6 channels in two groups. */
  private static Graphs graph() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", 4, "length", 7)
        .weight("filters", Evaluation.random(1, 6, 2, 3, 3))
        .weight("bias", Evaluation.random(2, 6))
        .weight("row", Evaluation.random(3, 6))
        .weight("channels", Evaluation.random(4, 6, 1, 1))
        .weight("channels4", Evaluation.random(5, 1, 6, 1, 1))
        .weight("columns", Evaluation.random(6, 7))
        .weight("variance", Tensor.of(new float[] {1, 2, 0.5f, 3, 0.1f, 1}, 6))
        .weight("number", Tensor.scalar(1.7f))
        .weight("numbers", Tensor.of(new float[] {-0.3f}, 1))
        .weight("zero", Tensor.scalar(0f))
        .weight("three", Tensor.scalar(3f))
        .weight("six", Tensor.scalar(6f))
        .node(
            "c",
            "Conv",
            "x filters bias",
            "group",
            2,
            "pads",
            new long[] {1, 1, 1, 1},
            "auto_pad",
            "NOTSET");
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.outputs("y").model();
    Model result = Rewrites.apply(model, REWRITES);
    Evaluation.assertSame(model, result);
    return result;
  }

  private static Node only(Model model) {
    assertEquals("{FusedConv=1}", Evaluation.operators(model));
    return model.graph().nodes().get(0);
  }

  @Test
  void normalizationGoesIntoFiltersAndBias() {
    Node fused =
        only(
            rewritten(
                graph()
                    .node(
                        "y", "BatchNormalization", "c row bias bias variance", "epsilon", 0.01f)));
    assertEquals("none", fused.text("activation", ""));
    assertEquals(2, fused.integer("group", 1));
  }

  @Test
  void normalizationOfAConvolutionWithoutBias() {
    Graphs graph =
        graph()
            .node("d", "Conv", "x filters", "group", 2, "strides", new long[] {2, 1})
            .node("y", "BatchNormalization", "d row bias bias variance");
    assertEquals(3, only(rewritten(graph)).inputs().size());
  }

  @Test
  void trainingsNormalizationStays() {
    Model model =
        graph()
            .node("y", "BatchNormalization", "c row bias bias variance", "training_mode", 1)
            .outputs("y")
            .model();
    GraphEditor editor = new GraphEditor(model);
    editor.sweep(new FuseConvolution());
    assertFalse(editor.sweep(new FoldIntoConvolution()));
  }

  @ParameterizedTest
  @CsvSource({
    "Mul, c channels",
    "Mul, channels4 c",
    "Mul, c number",
    "Add, c channels",
    "Add, numbers c",
    "Sub, c channels4",
    "Div, c channels",
    "Div, c number"
  })
  void constantsPerChannelGoIntoFiltersAndBias(String operator, String inputs) {
    only(rewritten(graph().node("y", operator, inputs)));
  }

  @ParameterizedTest
  @CsvSource({"Mul, c columns", "Sub, number c", "Div, number c", "Add, c columns"})
  void otherConstantsStay(String operator, String inputs) {
    Model model = rewritten(graph().node("y", operator, inputs));
    assertEquals(2, model.graph().nodes().size());
  }

  @Test
  void filtersThatAnotherConvolutionSharesKeepTheirValues() {
    Model model =
        rewritten(
            graph()
                .node("s", "Mul", "c channels")
                .node("d", "Conv", "x filters bias", "group", 2, "pads", new long[] {1, 1, 1, 1})
                .node("t", "Relu", "d")
                .node("y", "Concat", "s t", "axis", 1));
    assertEquals("{Concat=1, FusedConv=2}", Evaluation.operators(model));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void normalizationGoesIntoATransposedConvolution(int groups) {
    Model model =
        rewritten(
            graph()
                .weight("spread", Evaluation.random(7, 4, 6 / groups, 2, 2))
                .node(
                    "t", "ConvTranspose", "x spread", "group", groups, "strides", new long[] {2, 2})
                .node("u", "Add", "t channels4")
                .node("y", "BatchNormalization", "u row bias bias variance"));
    assertEquals("{ConvTranspose=1}", Evaluation.operators(model));
  }

  @ParameterizedTest
  @CsvSource({
    "Relu, relu",
    "Tanh, tanh",
    "Sigmoid, sigmoid",
    "HardSwish, hard_swish",
    "HardSigmoid, hard_sigmoid",
    "LeakyRelu, leaky_relu",
    "Gelu, gelu_erf"
  })
  void activationFunctions(String operator, String activation) {
    assertEquals(
        activation, only(rewritten(graph().node("y", operator, "c"))).text("activation", ""));
  }

  @Test
  void clippingWithConstantBounds() {
    Node fused = only(rewritten(graph().node("y", "Clip", "c zero six")));
    assertEquals("clip", fused.text("activation", ""));
    assertEquals(6, fused.number("beta", 0));
  }

  @Test
  void silu() {
    Node fused = only(rewritten(graph().node("s", "Sigmoid", "c").node("y", "Mul", "s c")));
    assertEquals("silu", fused.text("activation", ""));
  }

  @ParameterizedTest
  @CsvSource({"Div, q six, Mul, c g", "Mul, c q, Div, g six"})
  void hardSwishSpelledOut(String first, String one, String second, String other) {
    Node fused =
        only(
            rewritten(
                graph()
                    .node("p", "Add", "c three")
                    .node("q", "Clip", "p zero six")
                    .node("g", first, one)
                    .node("y", second, other)));
    assertEquals("hard_swish", fused.text("activation", ""));
  }

  @Test
  void hardSigmoidSpelledOut() {
    Node fused =
        only(
            rewritten(
                graph()
                    .node("z", "Relu", "c")
                    .node("d", "Conv", "x filters", "group", 2)
                    .node("p", "Add", "three d")
                    .node("q", "Clip", "p zero six")
                    .node("y", "Div", "q six")));
    assertEquals("hard_sigmoid", fused.text("activation", ""));
    assertEquals(1f / 6, fused.number("alpha", 0), 1e-7f);
  }

  @Test
  void numbersBehindTheActivationFunction() {
    Node fused =
        only(
            rewritten(
                graph()
                    .node("a", "HardSwish", "c")
                    .node("b", "Mul", "number a")
                    .node("d", "Add", "b numbers")
                    .node("y", "Mul", "d number")));
    assertEquals(1.7f * 1.7f, fused.number("output_scale", 1), 1e-6f);
    assertEquals(-0.3f * 1.7f, fused.number("output_shift", 0), 1e-6f);
  }

  @Test
  void aResidualMayComeBeforeOrBehindTheActivationFunction() {
    Graphs before =
        graph()
            .node("r", "Conv", "x filters", "group", 2, "pads", new long[] {1, 1, 1, 1})
            .node("p", "MaxPool", "r", "kernel_shape", new long[] {1, 1})
            .node("s", "Add", "c p")
            .node("y", "Relu", "s");
    Node first = Evaluation.only(withoutSources(rewritten(before)), "FusedConv");
    assertEquals(1, first.integer("residual_first", 0));
    Graphs behind =
        graph()
            .node("r", "Conv", "x filters", "group", 2, "pads", new long[] {1, 1, 1, 1})
            .node("p", "MaxPool", "r", "kernel_shape", new long[] {1, 1})
            .node("a", "Relu", "c")
            .node("y", "Add", "p a");
    Node last = Evaluation.only(withoutSources(rewritten(behind)), "FusedConv");
    assertEquals(0, last.integer("residual_first", 0));
    assertEquals("relu", last.text("activation", ""));
  }

  /** Only the nodes that add something. */
  private static Model withoutSources(Model model) {
    List<Node> nodes =
        model.graph().nodes().stream()
            .filter(node -> node.is(Domains.DEMITASSE, "FusedConv") && node.hasInput(3))
            .toList();
    return model.withGraph(model.graph().withNodes(nodes));
  }

  @Test
  void aResidualOfAnotherShapeStays() {
    Model model =
        rewritten(
            graph()
                .node("m", "ReduceMean", "x axes", "keepdims", 1)
                .integers("axes", 1)
                .node("y", "Add", "c m"));
    assertEquals("{Add=1, FusedConv=1, ReduceMean=1}", Evaluation.operators(model));
  }

  @Test
  void whatIsReadElsewhereStaysApart() {
    Model model = rewritten(graph().node("a", "Relu", "c").node("y", "Add", "a c"));
    assertEquals("{Add=1, FusedConv=1, Relu=1}", Evaluation.operators(model));
  }

  @Test
  void filtersThatAreComputedStayPlain() {
    Model model =
        rewritten(
            Graphs.opset(21)
                .input("x", DataType.FLOAT32, "batch", 4, 9)
                .input("w", DataType.FLOAT32, 3, 4, 2)
                .node("y", "Conv", "x w"));
    assertEquals("{Conv=1}", Evaluation.operators(model));
  }
}
