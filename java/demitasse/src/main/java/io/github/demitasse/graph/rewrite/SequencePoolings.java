package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import java.util.List;
import java.util.Map;

/** Makes nodes of {@link FusedOperators#SEQUENCE_POOLING}. */
final class SequencePoolings {
  private SequencePoolings() {}

  static Node create(String name, String kind, List<String> inputs, String output) {
    return new Node(
        name,
        Domains.DEMITASSE,
        FusedOperators.SEQUENCE_POOLING,
        inputs,
        List.of(output),
        Map.of("kind", Attribute.of(kind), "normalize", Attribute.of(0)));
  }
}
