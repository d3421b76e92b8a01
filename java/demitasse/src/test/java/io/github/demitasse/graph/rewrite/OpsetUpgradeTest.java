package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.github.demitasse.Model;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpsetUpgradeTest {

  private static Graphs graph(int opset) {
    return Graphs.opset(opset).input("x", DataType.FLOAT32, "batch", "length", 6);
  }

  private static Model upgraded(Graphs graph) {
    Model model = graph.outputs("y").model();
    Model result = OpsetUpgrade.apply(model);
    assertEquals(OpsetUpgrade.TARGET, result.graph().opset());
    Evaluation.assertSame(model, result);
    return result;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ReduceSum",
        "ReduceMean",
        "ReduceMax",
        "ReduceMin",
        "ReduceL2",
        "ReduceSumSquare"
      })
  void axesBecomeAnInput(String reduction) {
    upgraded(graph(11).node("y", reduction, "x", "axes", new long[] {1}, "keepdims", 0));
    upgraded(graph(11).node("y", reduction, "x"));
  }

  @Test
  void unsqueezeAndSqueeze() {
    upgraded(
        graph(11)
            .node("u", "Unsqueeze", "x", "axes", new long[] {1, 4})
            .node("y", "Squeeze", "u", "axes", new long[] {1}));
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 1, 2})
  void softmaxOfAFlattenedMatrix(int axis) {
    Model result = upgraded(graph(11).node("y", "Softmax", "x", "axis", axis));
    boolean last = axis == -1 || axis == 2;
    assertEquals(
        last ? "{Softmax=1}" : "{Flatten=1, Reshape=1, Shape=1, Softmax=1}",
        Evaluation.operators(result));
  }

  @Test
  void softmaxByDefault() {
    upgraded(graph(12).node("y", "LogSoftmax", "x"));
  }

  @ParameterizedTest
  @ValueSource(ints = {7, 9, 10})
  void clipSliceAndTopK(int opset) {
    Graphs graph =
        graph(opset).node("c", "Clip", "x", "min", -0.5f, "max", 0.25f).node("d", "Clip", "c");
    graph =
        opset < 10
            ? graph.node(
                "s",
                "Slice",
                "d",
                "starts",
                new long[] {1},
                "ends",
                new long[] {3},
                "axes",
                new long[] {2})
            : graph
                .integers("from", 1)
                .integers("to", 3)
                .integers("axis", 2)
                .node("s", "Slice", "d from to axis");
    graph =
        opset < 10
            ? graph.node("y indices", "TopK", "s", "k", 1, "axis", 2)
            : graph.integers("k", 1).node("y indices", "TopK", "s k", "axis", 2);
    upgraded(graph);
  }

  @Test
  void padWithBoundsAsAttributes() {
    upgraded(graph(7).node("y", "Pad", "x", "pads", new long[] {0, 0, 1, 0, 0, 2}, "value", 1.5f));
  }

  @Test
  void splitInEqualParts() {
    upgraded(graph(11).node("y rest", "Split", "x", "axis", 2));
    upgraded(graph(11).node("y rest", "Split", "x", "axis", 2, "split", new long[] {2, 4}));
    upgraded(graph(13).node("y rest", "Split", "x", "axis", 2));
  }

  @Test
  void newModelsAndThoseThatCannotBeUpgradedStay() {
    Model newest = graph(22).node("y", "Relu", "x").outputs("y").model();
    assertSame(newest, OpsetUpgrade.apply(newest));
    Model upsample =
        graph(9).integers("s", 1, 1, 2).node("y", "Upsample", "x s").outputs("y").model();
    assertSame(upsample, OpsetUpgrade.apply(upsample));
  }
}
