package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Some exporters call both dimensions of input_ids[batch, batch] the same. Nobody means square
 * inputs: the second becomes {@code batch_1}, in every input alike.
 */
final class DistinctSymbols {
  private DistinctSymbols() {}

  static Model apply(Model model) {
    Graph graph = model.graph();
    List<ValueInfo> inputs = graph.inputs().stream().map(DistinctSymbols::distinct).toList();
    if (inputs.equals(graph.inputs())) {
      return model;
    }
    List<ValueInfo> outputs = graph.outputs().stream().map(DistinctSymbols::distinct).toList();
    return model.withGraph(
        new Graph(graph.name(), graph.opsets(), inputs, outputs, graph.nodes(), graph.values()));
  }

  private static ValueInfo distinct(ValueInfo value) {
    if (value.shape() == null) {
      return value;
    }
    List<Dimension> dimensions = new ArrayList<>();
    Set<Dimension> seen = new HashSet<>();
    for (Dimension dimension : value.shape().dimensions()) {
      Dimension distinct = dimension;
      if (dimension instanceof Dimension.Symbol symbol) {
        for (int i = 1; !seen.add(distinct); i++) {
          distinct = Dimension.symbol(symbol.name() + "_" + i);
        }
      }
      dimensions.add(distinct);
    }
    return new ValueInfo(value.name(), value.type(), new Shape(dimensions));
  }
}
