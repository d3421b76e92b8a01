package io.github.demitasse.cli.data;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Immutable: samples in an .npz file: an array for each of a model's inputs, one sample for each
 * index of their first axes.
 *
 * @param samples each what a session takes, with a first axis of 1
 * @param labels the array {@code labels}, or null
 */
public record ArrayFile(Dataset samples, Tensor labels) {
  private static final String LABELS = "labels";

  /** True when a data file is read as arrays, not as text. */
  public static boolean isArrays(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".npz");
  }

  /**
   * Reads a file, or the beginning of it.
   *
   * @throws IllegalArgumentException for arrays that do not fit the model, naming the array
   */
  public static ArrayFile read(Path file, Model model, long atMost) {
    Map<String, Tensor> arrays = Npz.read(file);
    List<String> names = model.graph().inputs().stream().map(ValueInfo::name).toList();
    long count = count(arrays, names, file);
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (long i = 0; i < Math.min(count, atMost); i++) {
      Map<String, Tensor> sample = new LinkedHashMap<>();
      for (String name : names) {
        sample.put(name, arrays.get(name).rows(i, i + 1));
      }
      samples.add(sample);
    }
    return new ArrayFile(Dataset.of(samples), names.contains(LABELS) ? null : arrays.get(LABELS));
  }

  private static long count(Map<String, Tensor> arrays, List<String> names, Path file) {
    long count = -1;
    for (String name : names) {
      Tensor array = arrays.get(name);
      if (array == null) {
        throw new IllegalArgumentException(
            file
                + ": the model's input '"
                + name
                + "' is missing; the file has "
                + arrays.keySet());
      }
      if (array.rank() == 0 || (count >= 0 && array.dimension(0) != count)) {
        throw new IllegalArgumentException(
            file + ": '" + name + "' is " + array + "; all inputs need the same first dimension");
      }
      count = array.dimension(0);
    }
    if (count <= 0) {
      throw new IllegalArgumentException(file + ": no samples");
    }
    return count;
  }
}
