package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import java.util.ArrayList;
import java.util.List;

/**
 * Immutable and thread-safe: lowers the sum of two embeddings, or of such a sum and an embedding,
 * to looking up the second onto the first.
 */
final class EmbeddingSumLowering implements NodeLowering {

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return node.is("Add") && addend(node, lowering) >= 0;
  }

  /** The input that is an embedding which can be added onto the other one; -1 if neither can. */
  private static int addend(Node node, Lowering lowering) {
    for (int i = 1; i >= 0; i--) {
      String value = node.input(i);
      String base = node.input(1 - i);
      Node producer = lowering.producer(value);
      Node baseProducer = lowering.producer(base);
      boolean fits =
          producer != null
              && baseProducer != null
              && producer != baseProducer
              && lowering.hasOneReader(value)
              && lowering.hasOneReader(base)
              && EmbeddingLowering.isEmbedding(producer, lowering)
              && isWritable(baseProducer, lowering)
              && lowering.shape(base).equals(lowering.shape(node.output(0)))
              && sameRows(lowering.shape(value), lowering.shape(base), producer);
      if (fits) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isWritable(Node producer, Lowering lowering) {
    return EmbeddingLowering.isEmbedding(producer, lowering)
        || producer.is("Add") && addend(producer, lowering) >= 0;
  }

  /** Positions are the same for every sequence, so that their lookup may write more rows. */
  private static boolean sameRows(RowShape addend, RowShape base, Node producer) {
    if (addend.equals(base)) {
      return true;
    }
    long[] a = addend.dimensions();
    long[] b = base.dimensions();
    return !producer.is("Gather")
        && a.length == 3
        && b.length == 3
        && a[0] == 1
        && a[1] == b[1]
        && a[2] == b[2];
  }

  @Override
  public List<String> reads(Node node, Lowering lowering) {
    int addend = addend(node, lowering);
    List<String> reads = new ArrayList<>();
    reads.add(node.input(1 - addend));
    reads.addAll(EmbeddingLowering.indices(lowering.producer(node.input(addend))));
    return reads;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    int addend = addend(node, lowering);
    int sum = lowering.id(node.input(1 - addend));
    Node embedding = lowering.producer(node.input(addend));
    RowShape shape = lowering.shape(node.output(0));
    EmbeddingLowering.add(embedding, lowering, shape, true, sum);
    lowering.define(node.output(0), sum);
  }
}
