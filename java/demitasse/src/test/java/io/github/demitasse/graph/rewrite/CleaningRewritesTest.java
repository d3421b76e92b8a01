package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.Graphs;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rewrites that only tidy up. */
class CleaningRewritesTest {

  private static Graphs tokens() {
    return Graphs.opset(21).input("x", DataType.FLOAT32, "batch", "length", 12);
  }

  private static Model rewritten(Model model, Rewrite... rewrites) {
    Model result = Rewrites.apply(model, List.of(rewrites));
    Evaluation.assertSame(model, result);
    return result;
  }

  private static long[] integers(Model model, String weight) {
    return ((DenseWeight) model.weights().get(weight)).tensor().toLongs();
  }

  @Test
  void arithmeticOnConstantsIsDoneBeforehand() {
    Model model =
        tokens()
            .weight("two", Tensor.scalar(2f))
            .weight("row", Evaluation.random(1, 12))
            .node("root", "Sqrt", "two")
            .node("scaled", "Mul", "row root")
            .node("y", "Add", "x scaled")
            .outputs("y")
            .model();
    assertEquals("{Add=1, Mul=1, Sqrt=1}", Evaluation.operators(Rewrites.apply(model)));
    Model folded = rewritten(model, new FoldConstants(NodeEvaluator::evaluate));
    assertEquals("{Add=1}", Evaluation.operators(folded));
  }

  @Test
  void arithmeticOnKnownSizesIsDoneBeforehand() {
    Model model =
        tokens()
            .integer("axis", 2)
            .integers("first", 0)
            .integers("rest", -1)
            .integer("four", 4)
            .node("shape", "Shape", "x")
            .node("width", "Gather", "shape axis", "axis", 0)
            .node("quarter", "Div", "width four")
            .node("list", "Unsqueeze", "quarter first")
            .node("target", "Concat", "rest list", "axis", 0)
            .node("y", "Reshape", "x target")
            .outputs("y")
            .model();
    assertEquals(
        "{Reshape=1}",
        Evaluation.operators(rewritten(model, new FoldConstants(ConstantEvaluator.NONE))));
  }

  @Test
  void sizesOfInputsAreNotFolded() {
    Model model = tokens().node("shape", "Shape", "x").outputs("shape").model();
    assertEquals("{Shape=1}", Evaluation.operators(Rewrites.apply(model)));
  }

  @Test
  void randomNumbersAreNotFolded() {
    Model model =
        tokens()
            .weight("row", Evaluation.random(1, 12))
            .node("noise", "RandomNormalLike", "row")
            .node("y", "Add", "x noise")
            .outputs("y")
            .model();
    ConstantEvaluator never =
        (node, opset, inputs) -> {
          throw new AssertionError(node);
        };
    Rewrites.apply(model, List.of(new FoldConstants(never)));
  }

  @Test
  void transposedWeightsAreStoredTransposed() {
    Model model =
        tokens()
            .weight("layer.weight", Evaluation.random(1, 7, 12))
            .node("t", "Transpose", "layer.weight", "perm", new long[] {1, 0})
            .node("y", "MatMul", "x t")
            .outputs("y")
            .model();
    Model folded = rewritten(model, new FoldWeightLayout());
    assertEquals("{MatMul=1}", Evaluation.operators(folded));
    assertArrayEquals(new long[] {12, 7}, folded.weights().get("t").shape());
  }

  @Test
  void sharedWeightsAreNotChangedInPlace() {
    Model model =
        tokens()
            .weight("table", Evaluation.random(1, 12, 12))
            .node("onnx::t", "Transpose", "table")
            .node("a", "MatMul", "x onnx::t")
            .node("y", "MatMul", "a table")
            .outputs("y")
            .model();
    assertEquals("{MatMul=2}", Evaluation.operators(rewritten(model, new FoldWeightLayout())));
  }

  @Test
  void halfPrecisionWeightsAreWidenedOnlyInMeaning() {
    Tensor half = Tensor.allocate(DataType.FLOAT16, 12, 3);
    half.buffer().putShort(0, (short) 0x3c00);
    Model model =
        tokens()
            .weight("w", half)
            .node("wide", "Cast", "w", "to", 1)
            .node("y", "MatMul", "x wide")
            .outputs("y")
            .model();
    Model folded = rewritten(model, new FoldWeightLayout());
    DenseWeight weight = (DenseWeight) folded.weights().get("wide");
    assertEquals(DataType.FLOAT16, weight.tensor().type());
    assertEquals(DataType.FLOAT32, weight.type());
  }

  @Test
  void nodesThatDoNothingGo() {
    Model model =
        tokens()
            .weight("one", Tensor.scalar(1f))
            .weight("zero", Tensor.scalar(0f))
            .node("a", "Identity", "x")
            .node("b", "Dropout", "a")
            .node("c", "Cast", "b", "to", 1)
            .node("d", "Mul", "one c")
            .node("e", "Add", "d zero")
            .node("f", "Div", "e one")
            .node("shape", "Shape", "f")
            .node("g", "Reshape", "f shape")
            .node("h", "Transpose", "g", "perm", new long[] {0, 1, 2})
            .node("y", "Relu", "h")
            .outputs("y")
            .model();
    assertEquals(
        "[y = Relu[x] -> [y]]",
        rewritten(model, new RemoveNoOperation()).graph().nodes().toString());
  }

  @Test
  void nodesThatLookLikeNothingStay() {
    Model model =
        tokens()
            .input("row", DataType.FLOAT32, 12)
            .weight("one", Evaluation.tensor(DataType.FLOAT32, new float[] {1}, 1, 1, 1))
            .weight("zero", Tensor.scalar(0f))
            .node("wider", "Mul", "row one")
            .node("negative", "Sub", "zero x")
            .node("wide", "Cast", "x", "to", 11)
            .outputs("wider negative wide")
            .model();
    assertEquals(
        "{Cast=1, Mul=1, Sub=1}",
        Evaluation.operators(Rewrites.apply(model, List.of(new RemoveNoOperation()))));
  }

  @Test
  void anOutputThatIsAnInputKeepsItsIdentity() {
    Model model = tokens().node("y", "Identity", "x").outputs("y").model();
    assertEquals("{Identity=1}", Evaluation.operators(rewritten(model, new RemoveNoOperation())));
  }

  @Test
  void aReshapeToComputedSizesGetsAConstantShape() {
    Model model =
        tokens()
            .integer("zero", 0)
            .integer("one", 1)
            .integers("first", 0)
            .integers("heads", 3)
            .integers("rest", -1)
            .node("shape", "Shape", "x")
            .node("b", "Gather", "shape zero", "axis", 0)
            .node("l", "Gather", "shape one", "axis", 0)
            .node("bs", "Unsqueeze", "b first")
            .node("ls", "Unsqueeze", "l first")
            .node("target", "Concat", "bs ls heads rest", "axis", 0)
            .node("y", "Reshape", "x target")
            .outputs("y")
            .model();
    Model simple = rewritten(model, new ConstantReshape());
    assertEquals("{Reshape=1}", Evaluation.operators(simple));
    Node reshape = Evaluation.only(simple, "Reshape");
    assertArrayEquals(new long[] {0, 0, 3, -1}, integers(simple, reshape.input(1)));
  }

  @Test
  void aReshapeThatSwapsSizesKeepsThem() {
    Model model =
        tokens()
            .integer("zero", 0)
            .integer("one", 1)
            .integers("first", 0)
            .integers("width", 12)
            .node("shape", "Shape", "x")
            .node("b", "Gather", "shape zero", "axis", 0)
            .node("l", "Gather", "shape one", "axis", 0)
            .node("bs", "Unsqueeze", "b first")
            .node("ls", "Unsqueeze", "l first")
            .node("target", "Concat", "ls bs width", "axis", 0)
            .node("y", "Reshape", "x target")
            .outputs("y")
            .model();
    assertTrue(Evaluation.operators(rewritten(model, new ConstantReshape())).contains("Concat=1"));
  }

  @Test
  void reshapesAndTransposesInARowAreOne() {
    Model model =
        tokens()
            .integers("flat", -1)
            .integers("square", -1, 4, 3)
            .node("a", "Reshape", "x flat")
            .node("b", "Reshape", "a square")
            .node("c", "Transpose", "b", "perm", new long[] {2, 0, 1})
            .node("y", "Transpose", "c", "perm", new long[] {2, 0, 1})
            .outputs("y")
            .model();
    Model merged = rewritten(model, new MergeReshapes(), new MergeTransposes());
    assertEquals("{Reshape=1, Transpose=1}", Evaluation.operators(merged));
    assertArrayEquals(new long[] {1, 2, 0}, Evaluation.only(merged, "Transpose").integers("perm"));
  }

  @Test
  void equalNodesAreSharedWithTheirConstants() {
    Model model =
        tokens()
            .weight("two", Tensor.scalar(2f))
            .weight("another", Tensor.scalar(2f))
            .node("a", "Pow", "x two")
            .node("b", "Pow", "x another")
            .node("c", "Neg", "a")
            .node("d", "Neg", "b")
            .node("y", "Add", "c d")
            .outputs("y")
            .model();
    assertEquals(
        "{Add=1, Neg=1, Pow=1}",
        Evaluation.operators(rewritten(model, new ShareCommonSubexpressions())));
  }

  @Test
  void differentConstantsAttributesAndTwoOutputsAreNotShared() {
    Model model =
        tokens()
            .weight("two", Tensor.scalar(2f))
            .weight("three", Tensor.scalar(3f))
            .node("a", "Pow", "x two")
            .node("b", "Pow", "x three")
            .node("c", "LeakyRelu", "x", "alpha", 0.1f)
            .node("d", "LeakyRelu", "x", "alpha", 0.2f)
            .node("e", "Neg", "x")
            .node("f", "Neg", "x")
            .outputs("a b c d e f")
            .model();
    assertEquals(
        "{LeakyRelu=2, Neg=2, Pow=2}",
        Evaluation.operators(rewritten(model, new ShareCommonSubexpressions())));
  }

  @Test
  void expandedMasksBecomeSmallAgain() {
    Model model =
        Graphs.opset(21)
            .input("mask", DataType.INT64, "batch", "length")
            .input("scores", DataType.FLOAT32, "batch", 2, 7, "length")
            .integers("axes", 1, 2)
            .weight("one", Tensor.scalar(1f))
            .weight("least", Tensor.scalar(-1e30f))
            .node("shape", "Shape", "scores")
            .node("four", "Unsqueeze", "mask axes")
            .node("wide", "Expand", "four shape")
            .node("float", "Cast", "wide", "to", 1)
            .node("inverted", "Sub", "one float")
            .node("condition", "Cast", "inverted", "to", 9)
            .node("filled", "Where", "condition least inverted")
            .node("y", "Add", "scores filled")
            .outputs("y")
            .model();
    Model small = rewritten(model, new SinkExpand());
    assertEquals("{Add=1, Cast=2, Sub=1, Unsqueeze=1, Where=1}", Evaluation.operators(small));
  }

  @Test
  void anExpandThatMakesTheResultLargerStays() {
    Model model =
        Graphs.opset(21)
            .input("x", DataType.FLOAT32, "batch", 1)
            .input("y", DataType.FLOAT32, 1, 4)
            .integers("shape", 3, 4)
            .node("wide", "Expand", "x shape")
            .node("sum", "Add", "wide y")
            .node("twice", "Add", "wide wide")
            .outputs("sum twice")
            .model();
    Model result = Rewrites.apply(model, List.of(new SinkExpand()));
    assertTrue(Evaluation.operators(result).contains("Expand=1"));
  }
}
