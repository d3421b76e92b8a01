package io.github.demitasse.benchmarks.minilm;

import java.util.Arrays;
import java.util.List;

/**
 * Immutable: token ids of several sentences, padded to the longest.
 *
 * @param ids [sequences][length] flattened
 * @param mask 1 for tokens, 0 for padding
 */
public record TokenBatch(long[] ids, long[] mask, int sequences, int length) {

  public static TokenBatch padded(List<long[]> sentences) {
    int length = sentences.stream().mapToInt(tokens -> tokens.length).max().orElse(0);
    long[] ids = new long[sentences.size() * length];
    long[] mask = new long[ids.length];
    for (int i = 0; i < sentences.size(); i++) {
      long[] tokens = sentences.get(i);
      System.arraycopy(tokens, 0, ids, i * length, tokens.length);
      Arrays.fill(mask, i * length, i * length + tokens.length, 1);
    }
    return new TokenBatch(ids, mask, sentences.size(), length);
  }

  /** Full sequences of ordinary word pieces, for timing only. */
  public static TokenBatch full(int sequences, int length) {
    long[] ids = new long[sequences * length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = i % length == 0 ? 101 : i % length == length - 1 ? 102 : 1000 + (i * 7919L) % 20000;
    }
    long[] mask = new long[ids.length];
    Arrays.fill(mask, 1);
    return new TokenBatch(ids, mask, sequences, length);
  }
}
