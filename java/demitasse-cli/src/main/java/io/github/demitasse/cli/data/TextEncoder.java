package io.github.demitasse.cli.data;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.TokenizerProcess.Tokens;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.Tensor;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to one thread: turns texts into a model's inputs, one sample a text, without padding.
 */
public final class TextEncoder implements AutoCloseable {
  private final TokenizerProcess tokenizer;
  private final List<ValueInfo> inputs;

  TextEncoder(Path tokenizerFile, int maximumTokens, Model model) {
    this.inputs = model.graph().inputs();
    for (ValueInfo input : inputs) {
      if (!List.of("input_ids", "attention_mask", "token_type_ids").contains(input.name())) {
        throw new IllegalArgumentException(
            "the model's input '" + input + "' cannot be made from text");
      }
    }
    if (!Files.exists(tokenizerFile)) {
      throw new UncheckedIOException(new NoSuchFileException(tokenizerFile.toString()));
    }
    if (!Files.isRegularFile(tokenizerFile)) {
      throw new IllegalArgumentException(tokenizerFile + ": not a file");
    }
    tokenizer = new TokenizerProcess();
    try {
      tokenizer.load(tokenizerFile, maximumTokens);
    } catch (RuntimeException failed) {
      tokenizer.close();
      throw failed;
    }
  }

  /** One sample of batch 1 for each text. */
  public List<Map<String, Tensor>> encode(List<String> texts) {
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (String text : texts) {
      Tokens tokens = tokenizer.encode(text);
      Map<String, Tensor> sample = new LinkedHashMap<>();
      for (ValueInfo input : inputs) {
        long[] values =
            switch (input.name()) {
              case "input_ids" -> tokens.ids();
              case "attention_mask" -> tokens.mask();
              default -> tokens.types();
            };
        sample.put(input.name(), Tensor.of(values, 1, values.length));
      }
      samples.add(sample);
    }
    return samples;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
