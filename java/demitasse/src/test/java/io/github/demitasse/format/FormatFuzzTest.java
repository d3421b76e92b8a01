package io.github.demitasse.format;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.dmt.DmtReader;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.format.onnx.OnnxReader;
import io.github.demitasse.format.safetensors.SafetensorsFile;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Readers given anything at all: a model, a {@link ModelFormatException}, and nothing else. Run as
 * ordinary tests they replay the inputs in the resources; {@code scripts/fuzz} looks for new ones.
 */
class FormatFuzzTest {
  private static Path file;

  @BeforeAll
  static void createFile() throws IOException {
    file = Files.createTempFile("demitasse", ".fuzz");
  }

  @AfterAll
  static void deleteFile() throws IOException {
    Files.delete(file);
  }

  @FuzzTest(maxDuration = "10m")
  void onnx(byte[] content) {
    ByteBuffer direct = ByteBuffer.allocateDirect(content.length).put(content).flip();
    try {
      touch(OnnxReader.read(null, direct));
    } catch (ModelFormatException expected) {
      return;
    }
  }

  @FuzzTest(maxDuration = "10m")
  void dmt(byte[] content) throws IOException {
    write(content);
    try {
      touch(DmtReader.read(file));
    } catch (ModelFormatException expected) {
      return;
    }
  }

  @FuzzTest(maxDuration = "10m")
  void safetensors(byte[] content) throws IOException {
    write(content);
    try {
      SafetensorsFile.read(file).values().forEach(Tensor::toBytes);
    } catch (ModelFormatException expected) {
      return;
    }
  }

  @FuzzTest(maxDuration = "10m")
  void npz(byte[] content) throws IOException {
    write(content);
    try {
      Npz.read(file).values().forEach(Tensor::toBytes);
    } catch (ModelFormatException expected) {
      return;
    }
  }

  /** A new file each time: the old one stays mapped until its model is collected. */
  private static void write(byte[] content) throws IOException {
    Files.delete(file);
    Files.write(file, content);
  }

  /** Reads every byte of a model that was accepted. */
  private static void touch(Model model) {
    for (Weight weight : model.weights().values()) {
      weight.parts().values().forEach(Tensor::toBytes);
    }
    model.graph().toString();
  }
}
