package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.operator.NativeCall;
import java.util.ArrayList;
import java.util.List;

/** Immutable and thread-safe: lowers a node to one call of an operator of the native registry. */
final class OperatorLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return true;
  }

  @Override
  public List<String> reads(Node node, Lowering lowering) {
    List<String> reads = new ArrayList<>();
    for (int input : lowering.view().call(node).inputs()) {
      if (input >= 0 && node.hasInput(input)) {
        reads.add(node.input(input));
      }
    }
    return reads;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    NativeCall call = lowering.view().call(node);
    if (ChannelsLastLowering.lower(node, call, lowering)) {
      return;
    }
    if (call.alias()) {
      String result = node.output(0);
      int source = lowering.id(node.input(call.inputs().get(0)));
      lowering.define(result, lowering.program().alias(source, lowering.shape(result)));
      return;
    }
    int[] outputs = new int[node.outputs().size()];
    RowShape shape = null;
    for (int i = 0; i < outputs.length; i++) {
      outputs[i] = node.hasOutput(i) ? lowering.define(node.output(i)) : ProgramBuilder.NONE;
      shape = shape == null && node.hasOutput(i) ? lowering.shape(node.output(i)) : shape;
    }
    int[] inputs = new int[call.inputs().size()];
    for (int i = 0; i < inputs.length; i++) {
      int input = call.inputs().get(i);
      inputs[i] =
          input >= 0 && node.hasInput(input)
              ? lowering.idBeside(node.input(input), shape)
              : ProgramBuilder.NONE;
    }
    lowering.program().operator(call.operator(), inputs, outputs, call.integers(), call.floats());
  }
}
