package io.github.demitasse.operator;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.List;
import java.util.stream.Stream;

/** Thread-safe: operators that ONNX Runtime's optimizer leaves in exported encoders. */
final class MicrosoftOperators {
  private MicrosoftOperators() {}

  static List<Operator> all() {
    return Stream.of(
            OperatorRule.of(
                "SkipLayerNormalization",
                MicrosoftOperators::inferSkip,
                c -> lowerSkip(c, List.of(0, 1, 2, given(c, 3), given(c, 4)), 0)),
            OperatorRule.of(
                "SkipSimplifiedLayerNormalization",
                MicrosoftOperators::inferSkip,
                c -> lowerSkip(c, List.of(0, 1, 2, -1, given(c, 3)), 1)),
            OperatorRule.of("Gelu", Arguments::sameAsInput, c -> gelu(c, 0)),
            OperatorRule.of("BiasGelu", Arguments::sameAsInput, c -> gelu(c, 0)),
            OperatorRule.of("FastGelu", Arguments::sameAsInput, c -> gelu(c, 1)),
            OperatorRule.of(
                "FusedMatMul",
                MicrosoftOperators::inferFusedMatMul,
                MicrosoftOperators::lowerFusedMatMul),
            OperatorRule.of(
                "MatMulIntegerToFloat",
                c -> c.output(0, DataType.FLOAT32, MatMulRule.shape(c, 0, 1)),
                c -> LinearOperators.optional("MatMulIntegerToFloat", c, 4, 7)),
            OperatorRule.of(
                "DynamicQuantizeMatMul",
                c -> c.output(0, DataType.FLOAT32, MatMulRule.shape(c, 0, 1)),
                c -> LinearOperators.optional("DynamicQuantizeMatMul", c, 3, 5)))
        .map(rule -> (Operator) rule.in(Domains.MICROSOFT))
        .toList();
  }

  private static int given(InferenceContext context, int input) {
    return context.hasInput(input) ? input : -1;
  }

  private static void inferSkip(InferenceContext context) {
    Node node = context.node();
    if (node.hasOutput(1) || node.hasOutput(2)) {
      throw Shapes.unsupported(context, "its mean and deviation as outputs");
    }
    Arguments.sameAsInput(context);
    context.output(3, context.inputType(0), context.inputShape(0));
  }

  private static NativeCall lowerSkip(
      InferenceContext context, List<Integer> inputs, long rootMeanSquare) {
    double epsilon = context.node().number("epsilon", 1e-12f);
    return new NativeCall(
        "SkipLayerNormalization",
        inputs,
        new long[] {rootMeanSquare},
        new double[] {epsilon},
        false);
  }

  private static NativeCall gelu(InferenceContext context, long approximated) {
    List<Integer> inputs = List.of(0, given(context, 1));
    return new NativeCall("BiasGelu", inputs, new long[] {approximated}, new double[0], false);
  }

  private static void inferFusedMatMul(InferenceContext context) {
    Node node = context.node();
    if (node.integer("transBatchA", 0) != 0 || node.integer("transBatchB", 0) != 0) {
      throw Shapes.unsupported(context, "transBatchA, transBatchB");
    }
    context.output(
        0,
        context.inputType(0),
        MatMulRule.shape(
            context.inputShape(0),
            context.inputShape(1),
            node.integer("transA", 0) != 0,
            node.integer("transB", 0) != 0));
  }

  private static NativeCall lowerFusedMatMul(InferenceContext context) {
    Node node = context.node();
    long[] transposed = {node.integer("transA", 0), node.integer("transB", 0)};
    return NativeCall.of("MatMul", 2, transposed, node.number("alpha", 1));
  }
}
