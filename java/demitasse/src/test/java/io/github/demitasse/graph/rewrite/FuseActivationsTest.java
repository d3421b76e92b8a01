package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** GELU and hard-swish as exporters spell them out. */
class FuseActivationsTest {

  private static Graphs graph() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", 8)
        .weight("half", Tensor.scalar(0.5f))
        .weight("one", Tensor.scalar(1f))
        .weight("two", Tensor.scalar(2f))
        .weight("three", Tensor.scalar(3f))
        .weight("six", Tensor.scalar(6f))
        .weight("zero", Tensor.scalar(0f))
        .weight("sqrt2", Tensor.scalar(1.4142135f))
        .weight("sqrt.5", Tensor.scalar(0.70710677f))
        .weight("sqrt2/pi", Tensor.scalar(0.7978846f))
        .weight("cubic", Tensor.scalar(0.044715f));
  }

  private static Model rewritten(Graphs graph) {
    Model model = graph.outputs("y").model();
    Model result = Rewrites.apply(model, List.of(new FuseGelu(), new FuseHardSwish()));
    Evaluation.assertSame(model, result);
    return result;
  }

  private static Graphs gate(Graphs graph, String operator, String argument) {
    return graph
        .node("u", operator, argument)
        .node("erf", "Erf", "u")
        .node("gate", "Add", "erf one");
  }

  @ParameterizedTest
  @CsvSource({
    "Div, x sqrt2, Mul, x gate, Mul, p half",
    "Mul, x sqrt.5, Mul, x gate, Mul, half p",
    "Mul, sqrt.5 x, Mul, x half, Mul, p gate",
    "Div, x sqrt2, Mul, gate half, Mul, x p",
    "Div, x sqrt2, Div, x two, Mul, p gate",
    "Div, x sqrt2, Mul, gate x, Div, p two"
  })
  void geluInEveryOrder(
      String scaling, String scaled, String first, String one, String second, String other) {
    Model fused =
        rewritten(gate(graph(), scaling, scaled).node("p", first, one).node("y", second, other));
    assertEquals("{Gelu=1}", Evaluation.operators(fused));
    assertEquals("none", Evaluation.only(fused, "Gelu").text("approximate", ""));
  }

  @Test
  void geluOfAProductThatIsReadTwice() {
    Model fused =
        rewritten(
            graph()
                .node("z", "Mul", "x three")
                .node("u", "Div", "z sqrt2")
                .node("erf", "Erf", "u")
                .node("gate", "Add", "one erf")
                .node("p", "Mul", "z gate")
                .node("y", "Mul", "p half"));
    assertEquals("{Gelu=1, Mul=1}", Evaluation.operators(fused));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void geluByTanh(int form) {
    Graphs graph = graph();
    switch (form) {
      case 0 ->
          graph
              .node("cube", "Pow", "x three")
              .node("term", "Mul", "cube cubic")
              .node("sum", "Add", "x term")
              .node("u", "Mul", "sum sqrt2/pi");
      case 1 ->
          graph
              .node("square", "Mul", "x x")
              .node("cube", "Mul", "x square")
              .node("term", "Mul", "cubic cube")
              .node("sum", "Add", "term x")
              .node("u", "Mul", "sqrt2/pi sum");
      default ->
          graph
              .node("a", "Mul", "x cubic")
              .node("term", "Mul", "a x")
              .node("sum", "Add", "term one")
              .node("b", "Mul", "x sqrt2/pi")
              .node("u", "Mul", "b sum");
    }
    Model fused =
        rewritten(
            graph
                .node("tanh", "Tanh", "u")
                .node("gate", "Add", "tanh one")
                .node("p", "Mul", "x half")
                .node("y", "Mul", "p gate"));
    assertEquals("{Gelu=1}", Evaluation.operators(fused));
    assertEquals("tanh", Evaluation.only(fused, "Gelu").text("approximate", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "Div, x two, x gate, half", // another scale inside
    "Div, x sqrt2, x gate, two", // another scale outside
    "Div, half sqrt2, x gate, half", // of something else
  })
  void whatIsNotGeluStays(String scaling, String scaled, String product, String factor) {
    Model model =
        gate(graph(), scaling, scaled)
            .node("p", "Mul", product)
            .node("y", "Mul", "p " + factor)
            .outputs("y")
            .model();
    assertEquals(
        "{Add=1, Div=1, Erf=1, Mul=2}",
        Evaluation.operators(Rewrites.apply(model, List.of(new FuseGelu()))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"u", "erf", "gate", "p"})
  void whatOthersReadStays(String used) {
    Model model =
        gate(graph(), "Div", "x sqrt2")
            .node("p", "Mul", "x gate")
            .node("y", "Mul", "p half")
            .outputs("y " + used)
            .model();
    assertEquals(
        "{Add=1, Div=1, Erf=1, Mul=2}",
        Evaluation.operators(Rewrites.apply(model, List.of(new FuseGelu()))));
  }

  @Test
  void hardSwishByClip() {
    Model fused =
        rewritten(
            graph()
                .node("a", "Add", "x three")
                .node("c", "Clip", "a zero six")
                .node("p", "Mul", "x c")
                .node("y", "Div", "p six"));
    assertEquals("{HardSwish=1}", Evaluation.operators(fused));
  }

  @Test
  void hardSwishByHardSigmoid() {
    Model fused =
        rewritten(
            graph()
                .node("s", "HardSigmoid", "x", "alpha", 1f / 6, "beta", 0.5f)
                .node("y", "Mul", "s x"));
    assertEquals("{HardSwish=1}", Evaluation.operators(fused));
  }

  @Test
  void anotherHardSigmoidIsNoHardSwish() {
    Model model =
        graph().node("s", "HardSigmoid", "x").node("y", "Mul", "s x").outputs("y").model();
    assertEquals(
        "{HardSigmoid=1, Mul=1}",
        Evaluation.operators(Rewrites.apply(model, List.of(new FuseHardSwish()))));
  }

  /** The whole pattern, for tests that change it. */
  static Model erfModel() {
    return gate(graph(), "Div", "x sqrt2")
        .node("p", "Mul", "x gate")
        .node("y", "Mul", "p half")
        .outputs("y")
        .model();
  }

  static Model tanhModel() {
    return graph()
        .node("cube", "Pow", "x three")
        .node("term", "Mul", "cube cubic")
        .node("sum", "Add", "x term")
        .node("u", "Mul", "sum sqrt2/pi")
        .node("tanh", "Tanh", "u")
        .node("gate", "Add", "tanh one")
        .node("p", "Mul", "x half")
        .node("y", "Mul", "p gate")
        .outputs("y")
        .model();
  }
}
