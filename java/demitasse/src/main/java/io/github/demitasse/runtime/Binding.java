package io.github.demitasse.runtime;

import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;

/**
 * Confined to one thread: tensors whose memory a native call uses: they cannot be freed until this
 * is closed.
 */
final class Binding implements AutoCloseable {
  final long[] addresses;
  final long[] bytes;
  private final Tensor[] tensors;
  private int count;

  Binding(int capacity) {
    addresses = new long[capacity];
    bytes = new long[capacity];
    tensors = new Tensor[capacity];
  }

  /**
   * Takes the next tensor and returns its address.
   *
   * @throws IllegalStateException if it has been closed
   */
  long add(Tensor tensor) {
    ByteBuffer memory = tensor.acquire();
    tensors[count] = tensor;
    addresses[count] = NativeMemory.address(memory);
    bytes[count] = tensor.byteSize();
    return addresses[count++];
  }

  @Override
  public void close() {
    while (count > 0) {
      tensors[--count].release();
    }
  }
}
