package io.github.demitasse.operator;

import static io.github.demitasse.operator.ElementTypes.FLOATING;
import static io.github.demitasse.operator.ElementTypes.INTEGER;
import static io.github.demitasse.operator.ElementTypes.NUMERIC;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Thread-safe: functions of one tensor, element by element. */
final class ElementwiseOperators {
  private static final Function<Node, double[]> NO_PARAMETERS = node -> new double[0];

  private ElementwiseOperators() {}

  static List<Operator> all() {
    List<Operator> all = new ArrayList<>();
    Stream.of("Abs", "Neg", "Sign", "Relu")
        .forEach(name -> all.add(function(name, NUMERIC, NO_PARAMETERS)));
    Stream.of(
            "Sqrt Reciprocal Floor Ceil Round Exp Log Erf Sigmoid Softplus Softsign Mish HardSwish"
                .split(" "),
            "Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh".split(" "))
        .flatMap(Stream::of)
        .forEach(name -> all.add(function(name, FLOATING, NO_PARAMETERS)));
    all.addAll(
        List.of(
            function("BitwiseNot", INTEGER, NO_PARAMETERS),
            function("LeakyRelu", FLOATING, n -> new double[] {n.number("alpha", 0.01f)}),
            function("ThresholdedRelu", FLOATING, n -> new double[] {n.number("alpha", 1)}),
            function("Elu", FLOATING, n -> new double[] {n.number("alpha", 1)}),
            function("Celu", FLOATING, n -> new double[] {n.number("alpha", 1)}),
            function("Swish", FLOATING, n -> new double[] {n.number("alpha", 1)}),
            function(
                "Selu",
                FLOATING,
                n -> new double[] {n.number("alpha", 1.6732632f), n.number("gamma", 1.050701f)}),
            function(
                "HardSigmoid",
                FLOATING,
                n -> new double[] {n.number("alpha", 0.2f), n.number("beta", 0.5f)}),
            function(
                "Shrink",
                FLOATING,
                n -> new double[] {n.number("lambd", 0.5f), n.number("bias", 0)}),
            OperatorRule.of("Gelu", c -> like(c, FLOATING), c -> gelu(isTanh(c.node()))),
            test("IsNaN", node -> new long[0]),
            test(
                "IsInf",
                n -> new long[] {n.integer("detect_negative", 1), n.integer("detect_positive", 1)}),
            OperatorRule.of("QuickGelu", c -> like(c, FLOATING), ElementwiseOperators::quickGelu)
                .in(Domains.MICROSOFT)));
    return all;
  }

  private static OperatorRule function(
      String name, Predicate<DataType> types, Function<Node, double[]> parameters) {
    return OperatorRule.of(
        name,
        c -> like(c, types),
        c -> NativeCall.of(name, 1, new long[0], parameters.apply(c.node())));
  }

  private static OperatorRule test(String name, Function<Node, long[]> parameters) {
    return OperatorRule.of(
        name,
        c -> {
          ElementTypes.require(c, 0, FLOATING);
          c.output(0, DataType.BOOL, c.inputShape(0));
        },
        c -> NativeCall.of(name, 1, parameters.apply(c.node())));
  }

  private static void like(InferenceContext context, Predicate<DataType> types) {
    ElementTypes.require(context, 0, types);
    Arguments.sameAsInput(context);
  }

  private static boolean isTanh(Node node) {
    return node.text("approximate", "none").equals("tanh");
  }

  private static NativeCall gelu(boolean tanh) {
    return NativeCall.of("Gelu", 1, new long[] {tanh ? 1 : 0});
  }

  private static NativeCall quickGelu(InferenceContext context) {
    return NativeCall.of("Swish", 1, new long[0], context.node().number("alpha", 1.702f));
  }
}
