package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Node;

/** Thread-safe: recognises x * sigmoid(x), also called swish. */
final class Silu {
  private Silu() {}

  /** The x of a product that is its SiLU and the only thing that reads it; else null. */
  static String input(Node product, GraphEditor graph) {
    for (int i = 0; i < 2; i++) {
      String x = product.input(i);
      Node sigmoid = graph.producer(product.input(1 - i), "Sigmoid");
      boolean silu =
          sigmoid != null
              && sigmoid.input(0).equals(x)
              && graph.hasOneConsumer(sigmoid.output(0))
              && graph.consumers(x).size() == 2
              && !graph.isKept(x);
      if (silu) {
        return x;
      }
    }
    return null;
  }
}
