package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.format.onnx.OnnxWriter;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Confined to one thread: the option that says how .onnx files hold weights of few bits. */
final class Form {
  @Option(
      names = "--matmul-nbits",
      description = {
        "In .onnx: write layers of 4 bits, and of 8 bits in groups, as MatMulNBits, ONNX Runtime's own operator: it"
            + " computes on the codes, but no other runtime knows it."
      })
  private boolean matMulNBits;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /** Wrong usage is told before there is work to lose. */
  void check(Path target) {
    boolean onnx = target.toString().toLowerCase(Locale.ROOT).endsWith(".onnx");
    Usage.require(onnx || !matMulNBits, command, "--matmul-nbits is for files in .onnx");
  }

  void save(Model model, Path target) {
    if (matMulNBits) {
      OnnxWriter.write(
          model, target, OnnxWriter.Storage.AUTOMATIC, OnnxWriter.GroupedWeights.MATMUL_NBITS);
    } else {
      model.save(target);
    }
  }
}
