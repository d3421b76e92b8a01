package io.github.demitasse.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GraphInferenceTest {

  /** How PyTorch writes view(*x.shape[:-1], 12, 32) and the way back. */
  private static Graphs heads() {
    return Graphs.opset(14)
        .input("x", DataType.FLOAT32, "batch", "sequence", 384)
        .integer("zero", 0)
        .integer("one", 1)
        .integers("axis", 0)
        .integers("twelve", 12)
        .integers("thirty_two", 32)
        .integers("rest", -1)
        .node("shape", "Shape", "x")
        .node("b", "Gather", "shape zero", "axis", 0)
        .node("s", "Gather", "shape one", "axis", 0)
        .node("b1", "Unsqueeze", "b axis")
        .node("s1", "Unsqueeze", "s axis")
        .node("wanted", "Concat", "b1 s1 twelve thirty_two", "axis", 0)
        .node("split", "Reshape", "x wanted")
        .node("moved", "Transpose", "split", "perm", new long[] {0, 2, 1, 3})
        .node("back", "Transpose", "moved", "perm", new long[] {0, 2, 1, 3})
        .node("merged_shape", "Concat", "b1 s1 rest", "axis", 0)
        .node("merged", "Reshape", "back merged_shape");
  }

  @Test
  void symbolsGoThroughShapeComputations() {
    GraphInference inference = heads().infer();
    assertEquals("[batch, sequence, 12, 32]", inference.value("split").shape().toString());
    assertEquals("[batch, 12, sequence, 32]", inference.value("moved").shape().toString());
    assertEquals("[batch, sequence, 384]", inference.value("merged").shape().toString());
    assertEquals(Graphs.shape("batch").dimensions(), inference.content("b"));
    assertNull(inference.constant("b"));
  }

  @Test
  void knownInputShapesMakeShapeComputationsConstant() {
    GraphInference inference =
        GraphInference.of(heads().model(), Map.of("x", Graphs.shape(2, 7, 384)));
    assertArrayEquals(new long[] {2, 7, 12, 32}, inference.constant("wanted").toLongs());
    assertEquals("[2, 12, 7, 32]", inference.value("moved").shape().toString());
    assertArrayEquals(new long[0], inference.constant("s").shape());
  }

  @Test
  void oneSymbolHasOneSizeInAllInputs() {
    Graphs graph =
        Graphs.opset(14)
            .input("mask", DataType.FLOAT32, "batch")
            .input("x", DataType.FLOAT32, "batch", 4);
    IllegalArgumentException error =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                GraphInference.of(
                    graph.model(), Map.of("mask", Graphs.shape(2), "x", Graphs.shape(3, 4))));
    assertTrue(error.getMessage().contains("'batch'"), error.getMessage());
    GraphInference partly = GraphInference.of(graph.model(), Map.of("x", Graphs.shape(3, 4)));
    assertEquals("[3]", partly.value("mask").shape().toString());
  }

  @Test
  void aShapeThatContradictsTheDeclaredOneNamesBoth() {
    Graphs graph = Graphs.opset(14).input("x", DataType.FLOAT32, "batch", 4);
    IllegalArgumentException error =
        assertThrows(
            IllegalArgumentException.class,
            () -> GraphInference.of(graph.model(), Map.of("x", Graphs.shape(3, 5))));
    assertTrue(error.getMessage().contains("[batch, 4]"), error.getMessage());
    assertTrue(error.getMessage().contains("[3, 5]"), error.getMessage());
  }

  @Test
  void unnamedDimensionsGetNamesOfTheirOwn() {
    GraphInference inference =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, null, null, 6)
            .integers("wanted", 0, -1)
            .node("y", "Reshape", "x wanted")
            .infer();
    assertEquals("[x[0], 6*x[1]]", inference.value("y").shape().toString());
  }

  @Test
  void aNameThatOccursTwiceInOneInputMeansTwoSizes() {
    Graphs graph =
        Graphs.opset(14)
            .input("ids", DataType.INT64, "batch", "batch")
            .input("mask", DataType.INT64, "batch", "batch")
            .node("y", "Concat", "ids mask", "axis", 0);
    assertEquals("[batch, batch[1]]", graph.infer().value("mask").shape().toString());
    GraphInference known = GraphInference.of(graph.model(), Map.of("ids", Graphs.shape(2, 7)));
    assertEquals("[4, 7]", known.value("y").shape().toString());
  }

  @Test
  void missingOperatorsAreAllNamedAtOnce() {
    Graphs graph =
        Graphs.opset(13)
            .input("x", DataType.FLOAT32, 2)
            .node("a", "NoSuchThing", "x")
            .node("b", "Softmax", "a")
            .node("c", "com.example::Other", "b");
    GraphInference inference = GraphInference.of(graph.model());
    assertNull(inference.value("b").shape());
    UnsupportedOperatorException error =
        assertThrows(UnsupportedOperatorException.class, inference::requireSupported);
    assertEquals(
        List.of("NoSuchThing", "com.example::Other"),
        error.missing().stream().map(UnsupportedOperatorException.Missing::operator).toList());
    assertEquals(13, error.missing().get(0).opset());
  }

  @Test
  void subgraphsAreNamedAsUnsupported() {
    Graph body = new Graph("body", Map.of(), List.of(), List.of(), List.of(), Map.of());
    Node loop =
        new Node(
            "loop",
            "",
            "Loop",
            List.of(),
            List.of("y"),
            Map.of("body", new Attribute.OfGraph(body)));
    Graph graph = new Graph("g", Map.of("", 13), List.of(), List.of(), List.of(loop), Map.of());
    GraphInference inference = GraphInference.of(new Model(graph, Map.of(), Map.of()));
    assertEquals("subgraphs are not supported", inference.missing().get(0).reason());
  }

  @Test
  void aValueThatNothingProducesIsNamed() {
    Graphs graph = Graphs.opset(13).node("y", "Softmax", "nowhere");
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> GraphInference.of(graph.model()));
    assertTrue(error.getMessage().contains("'nowhere'"), error.getMessage());
  }

  @Test
  void errorsNameTheNodeAndTheShapes() {
    Graphs graph =
        Graphs.opset(13)
            .input("a", DataType.FLOAT32, 2, 3)
            .input("b", DataType.FLOAT32, 4, 5)
            .node("product", "MatMul", "a b");
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> GraphInference.of(graph.model()));
    assertTrue(error.getMessage().contains("'product' (MatMul)"), error.getMessage());
    assertTrue(error.getMessage().contains("[2, 3] and [4, 5]"), error.getMessage());
  }

  @Test
  void inputsAtHandDecideShapesThatComeFromData() {
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, "n", 6)
            .input("wanted", DataType.INT64, 3)
            .node("y", "Reshape", "x wanted");
    assertEquals("[?, ?, ?]", graph.shapeOf("y"));
    GraphInference inference =
        GraphInference.ofInputs(
            graph.model(),
            Map.of(
                "x",
                Tensor.allocate(DataType.FLOAT32, 2, 6),
                "wanted",
                Tensor.of(new long[] {3, -1, 2}, 3)));
    assertEquals("[3, 2, 2]", inference.value("y").shape().toString());
  }

  @Test
  void anInputAtHandHasTheDeclaredType() {
    Graphs graph = Graphs.opset(14).input("x", DataType.FLOAT32, "n");
    IllegalArgumentException error =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                GraphInference.ofInputs(
                    graph.model(), Map.of("x", Tensor.allocate(DataType.INT64, 3))));
    assertTrue(error.getMessage().contains("INT64[3]"), error.getMessage());
  }

  @Test
  void aShapeOfBillionsOfDimensionsIsAnError() {
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, "n")
            .input("wanted", DataType.INT64, 2000000000)
            .node("y", "Reshape", "x wanted");
    assertThrows(IllegalArgumentException.class, () -> GraphInference.of(graph.model()));
  }

  @Test
  void aNodeWithoutANeededInputIsAnError() {
    Graphs graph = Graphs.opset(14).node("y", "Transpose", "");
    assertThrows(IllegalArgumentException.class, () -> GraphInference.of(graph.model()));
  }

  @Test
  void numbersTooLargeForALongAreAnError() {
    long huge = Long.MAX_VALUE / 2;
    Graphs graph =
        Graphs.opset(14)
            .input("x", DataType.FLOAT32, huge, huge)
            .node("y", "Flatten", "x", "axis", 0);
    assertThrows(IllegalArgumentException.class, () -> GraphInference.of(graph.model()));
  }
}
