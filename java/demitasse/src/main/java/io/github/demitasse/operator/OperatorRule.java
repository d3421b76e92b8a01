package io.github.demitasse.operator;

import java.util.function.Consumer;
import java.util.function.Function;

/** Immutable and thread-safe: an operator given as one function for each half of its contract. */
record OperatorRule(
    String domain,
    String name,
    int sinceOpset,
    Consumer<InferenceContext> inference,
    Function<InferenceContext, NativeCall> lowering)
    implements Operator {

  /** An operator of ONNX, all versions of which are understood. */
  static OperatorRule of(
      String name,
      Consumer<InferenceContext> inference,
      Function<InferenceContext, NativeCall> lowering) {
    return new OperatorRule("", name, 1, inference, lowering);
  }

  /** The same rule for a newer first version. */
  OperatorRule since(int opset) {
    return new OperatorRule(domain, name, opset, inference, lowering);
  }

  /** The same rule for another domain. */
  OperatorRule in(String otherDomain) {
    return new OperatorRule(otherDomain, name, sinceOpset, inference, lowering);
  }

  @Override
  public void infer(InferenceContext context) {
    inference.accept(context);
  }

  @Override
  public NativeCall lower(InferenceContext context) {
    return lowering.apply(context);
  }
}
