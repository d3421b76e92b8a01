package io.github.demitasse.runtime;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** The names of all-MiniLM-L6-v2's files and inputs for it. */
final class MiniLm {
  static final String FLOAT = "all-minilm-l6-v2.onnx";
  static final String QUANTIZED = "all-minilm-l6-v2-q.onnx";
  static final int WIDTH = 384;

  private MiniLm() {}

  /** Random tokens for sequences of these lengths, padded to the longest. */
  static Map<String, Tensor> inputs(int... lengths) {
    int longest = 0;
    for (int length : lengths) {
      longest = Math.max(longest, length);
    }
    Random random = new Random(lengths.length * 1000L + longest);
    Tensor ids = Tensor.allocate(DataType.INT64, lengths.length, longest);
    Tensor mask = Tensor.allocate(DataType.INT64, lengths.length, longest);
    Tensor types = Tensor.allocate(DataType.INT64, lengths.length, longest);
    ByteBuffer idBytes = ids.buffer();
    ByteBuffer maskBytes = mask.buffer();
    for (int i = 0; i < lengths.length; i++) {
      for (int j = 0; j < lengths[i]; j++) {
        int token = j == 0 ? 101 : j == lengths[i] - 1 ? 102 : 1000 + random.nextInt(28000);
        idBytes.putLong(8 * (i * longest + j), token);
        maskBytes.putLong(8 * (i * longest + j), 1);
      }
    }
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    inputs.put("input_ids", ids);
    inputs.put("attention_mask", mask);
    inputs.put("token_type_ids", types);
    return inputs;
  }
}
