package io.github.demitasse.runtime;

import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;

/**
 * Thread-safe: pieces of batches, which are tensors with a sample for each index of the first axis.
 */
final class Samples {
  private Samples() {}

  /**
   * Views of samples {@code first} to {@code first + count} of each tensor. They do not keep the
   * tensors from being closed.
   */
  static Tensor[] of(Tensor[] batches, long first, long count) {
    Tensor[] pieces = new Tensor[batches.length];
    for (int i = 0; i < batches.length; i++) {
      Tensor batch = batches[i];
      ByteBuffer memory = batch.acquire();
      try {
        long[] shape = batch.shape();
        long sample = batch.byteSize() / shape[0];
        shape[0] = count;
        int from = Math.toIntExact(first * sample);
        pieces[i] =
            Tensor.view(batch.type(), memory.slice(from, Math.toIntExact(count * sample)), shape);
      } finally {
        batch.release();
      }
    }
    return pieces;
  }
}
