package io.github.demitasse.format;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.testing.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Real files with wrong bytes: a model or a {@link ModelFormatException}, and nothing else. */
@Timeout(600)
class HostileFilesTest {
  private static final Path CONFORMANCE = Path.of("../../../shared/data/onnx-node");

  @TempDir static Path folder;

  static Stream<Path> files() {
    List<Path> files = new ArrayList<>();
    for (String name : List.of("everything.dmt", "everything.onnx", "linear.dmt", "linear.onnx")) {
      Path file = folder.resolve(name);
      Model model =
          name.startsWith("e")
              ? TestModels.everything()
              : TestModels.linear(TestModels.quantized(), new float[6]);
      model.save(file);
      files.add(file);
    }
    for (String name : List.of("if", "relu", "split_equal_parts_1d_opset18", "constant")) {
      Path file = CONFORMANCE.resolve("test_" + name).resolve("model.onnx");
      if (Files.exists(file)) {
        files.add(file);
      }
    }
    return files.stream();
  }

  @ParameterizedTest
  @MethodSource("files")
  void flippedBitsAreAFormatErrorOrHarmless(Path original) throws IOException {
    byte[] bytes = Files.readAllBytes(original);
    Path file = folder.resolve("changed");
    byte[] masks = {1, (byte) 0x80, (byte) 0xff};
    int rejected = 0;
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] ^= masks[i % masks.length];
      rejected += isRejected(bytes, file) ? 1 : 0;
      bytes[i] ^= masks[i % masks.length];
    }
    assertTrue(rejected > 0);
  }

  @ParameterizedTest
  @MethodSource("files")
  void randomDamageIsAFormatErrorOrHarmless(Path original) throws IOException {
    byte[] bytes = Files.readAllBytes(original);
    Path file = folder.resolve("changed");
    Random random = new Random(17);
    int rejected = 0;
    for (int round = 0; round < 1000; round++) {
      byte[] changed = damaged(bytes, random);
      rejected += isRejected(changed, file) ? 1 : 0;
    }
    assertTrue(rejected > 0);
  }

  /** Bytes overwritten, taken out, doubled, or replaced by numbers at the border of a range. */
  private static byte[] damaged(byte[] bytes, Random random) {
    byte[] changed = bytes.clone();
    for (int count = 1 + random.nextInt(4); count > 0 && changed.length > 12; count--) {
      int at = random.nextInt(changed.length - 10);
      int length = 1 + random.nextInt(8);
      switch (random.nextInt(4)) {
        case 0 -> changed[at] = (byte) random.nextInt();
        case 1 -> changed = replaced(changed, at, length, new byte[0]);
        case 2 -> {
          byte[] copy = new byte[length];
          System.arraycopy(changed, at, copy, 0, length);
          changed = replaced(changed, at, 0, copy);
        }
        default -> {
          byte[] largest = new byte[length];
          Arrays.fill(largest, (byte) (random.nextBoolean() ? 0xff : 0x7f));
          changed = replaced(changed, at, length, largest);
        }
      }
    }
    return changed;
  }

  private static byte[] replaced(byte[] bytes, int at, int length, byte[] by) {
    byte[] result = new byte[bytes.length - length + by.length];
    System.arraycopy(bytes, 0, result, 0, at);
    System.arraycopy(by, 0, result, at, by.length);
    System.arraycopy(bytes, at + length, result, at + by.length, bytes.length - at - length);
    return result;
  }

  private static boolean isRejected(byte[] bytes, Path file) throws IOException {
    Files.deleteIfExists(file); // models that were read before still have it mapped
    Files.write(file, bytes);
    try {
      Model model = Model.load(file);
      model.weights().values().forEach(weight -> weight.parts().values().forEach(p -> p.toBytes()));
      return false;
    } catch (ModelFormatException expected) {
      assertTrue(expected.getMessage().contains("changed"), expected.getMessage());
      return true;
    }
  }
}
