package io.github.demitasse.cli.data;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.ImagePreprocessing.Size;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that say how images are read. */
public final class ImageOptions {
  @Option(
      names = "--preprocess",
      paramLabel = "P.yaml",
      description = {
        "For images: resize ({height: H, width: W}, one of them, or {shortest: S}), crop"
            + " ({height: H, width: W}), channels (rgb, bgr, gray), scale (default: 1/255), mean,"
            + " deviation, layout (nchw, nhwc)."
      })
  private Path preprocessing;

  @Option(
      names = "--labels",
      paramLabel = "LABELS.tsv",
      description =
          "For images: lines of image TAB label (default: the names of the folders they are in).")
  private Path labels;

  @Option(
      names = "--skip-broken",
      description = "Go on without images that cannot be decoded, naming them.")
  private boolean skipBroken;

  @Option(
      names = "--max-pixels",
      paramLabel = "N",
      defaultValue = "50000000",
      description = "Larger images count as broken (default: ${DEFAULT-VALUE}).")
  private long mostPixels;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /**
   * The images at a place as samples for a model.
   *
   * @throws IllegalArgumentException if there are none or they do not fit the model
   */
  public ImageFolder open(Path data, Model model, int atMost) throws IOException {
    if (mostPixels < 1) {
      throw new ParameterException(command.commandLine(), "--max-pixels must be at least 1");
    }
    ImagePreprocessing description =
        preprocessing == null
            ? ImagePreprocessing.standard()
            : ImagePreprocessing.read(preprocessing);
    Size crop = description.crop();
    if (crop != null && (long) crop.height() * crop.width() > mostPixels) {
      throw new IllegalArgumentException(
          preprocessing + ": crop has more pixels than --max-pixels " + mostPixels);
    }
    ImageDecoder decoder = new ImageDecoder(description, mostPixels);
    return ImageFolder.open(data, model, decoder, labels, skipBroken, atMost);
  }
}
