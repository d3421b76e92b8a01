package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.util.List;
import org.junit.jupiter.api.Test;

class GraphEditorTest {

  private static Graphs chain() {
    return Graphs.opset(21)
        .input("x", DataType.FLOAT32, "batch", 4)
        .node("a", "Relu", "x")
        .node("b", "Neg", "a")
        .node("c", "Abs", "b");
  }

  private static String order(Model model) {
    return String.join(" ", model.graph().nodes().stream().map(Node::name).toList());
  }

  @Test
  void nodesAndWeightsThatNothingReadsDisappear() {
    Model model =
        chain()
            .weight("used", Tensor.scalar(2f))
            .weight("unused", Tensor.scalar(3f))
            .node("d", "Mul", "c used")
            .node("e", "Mul", "c unused")
            .node("f", "Neg", "e")
            .outputs("d")
            .model();
    Model finished = new GraphEditor(model).finish();
    assertEquals("a b c d", order(finished));
    assertEquals(List.of("used"), List.copyOf(finished.weights().keySet()));
  }

  @Test
  void replacingANodeDropsWhatOnlyItNeeded() {
    Model model = chain().outputs("c").model();
    GraphEditor graph = new GraphEditor(model);
    graph.replace(graph.producer("c"), Node.of("new", "Sqrt", List.of("a"), List.of("c")));
    assertNull(graph.producer("b"));
    assertEquals("a new", order(graph.finish()));
  }

  @Test
  void replacingANodeKeepsWhatOthersRead() {
    Model model = chain().outputs("c b").model();
    GraphEditor graph = new GraphEditor(model);
    graph.replace(graph.producer("c"), Node.of("new", "Sqrt", List.of("a"), List.of("c")));
    assertEquals("a b new", order(graph.finish()));
  }

  @Test
  void aReplacementThatReadsALaterValueMovesBehindIt() {
    Model model = chain().node("d", "Neg", "x").outputs("c d").model();
    GraphEditor graph = new GraphEditor(model);
    graph.replace(graph.producer("b"), Node.of("new", "Add", List.of("a", "d"), List.of("b")));
    assertEquals("a d new c", order(graph.finish()));
  }

  @Test
  void redirectingAValueDropsItsProducer() {
    GraphEditor graph = new GraphEditor(chain().outputs("c").model());
    assertTrue(graph.redirect("b", "x"));
    assertEquals("[c = Abs[x] -> [c]]", graph.finish().graph().nodes().toString());
  }

  @Test
  void redirectingAnOutputRenamesItsSource() {
    GraphEditor graph = new GraphEditor(chain().node("d", "Neg", "b").outputs("c d").model());
    assertTrue(graph.redirect("c", "b"));
    assertEquals(
        "[a = Relu[x] -> [a], b = Neg[a] -> [c], d = Neg[c] -> [d]]",
        graph.finish().graph().nodes().toString());
  }

  @Test
  void anOutputIsNotRedirectedToAnInputOrAnotherOutput() {
    GraphEditor graph = new GraphEditor(chain().outputs("c b").model());
    assertFalse(graph.redirect("c", "x"));
    assertFalse(graph.redirect("c", "b"));
    assertEquals("a b c", order(graph.finish()));
  }

  @Test
  void oneConsumerMeansOneNodeEvenIfItReadsTwice() {
    GraphEditor graph = new GraphEditor(chain().node("d", "Mul", "c c").outputs("d").model());
    assertTrue(graph.hasOneConsumer("c"));
    assertFalse(graph.hasOneConsumer("d"), "an output");
  }

  @Test
  void aFoldedValueBecomesAWeight() {
    GraphEditor graph = new GraphEditor(chain().outputs("c").model());
    assertTrue(graph.makeConstant("b", new DenseWeight(Tensor.of(new float[4], 4))));
    assertFalse(graph.makeConstant("c", new DenseWeight(Tensor.of(new float[4], 4))), "an output");
    Model finished = graph.finish();
    assertEquals("c", order(finished));
    assertTrue(finished.weights().containsKey("b"));
  }

  @Test
  void newNamesDoNotCollide() {
    GraphEditor graph = new GraphEditor(chain().outputs("c").model());
    assertEquals("new", graph.freshValue("new"));
    assertEquals("new_1", graph.freshValue("new"));
    assertEquals("b_1", graph.freshValue("b"));
    assertEquals("b_1", graph.freshNode("b"));
    assertEquals("x_1", graph.addWeight("x", new DenseWeight(Tensor.scalar(1f))));
  }
}
