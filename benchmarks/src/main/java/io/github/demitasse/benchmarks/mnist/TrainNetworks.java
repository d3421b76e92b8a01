package io.github.demitasse.benchmarks.mnist;

import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.harness.Accuracy;
import io.github.demitasse.benchmarks.training.Convolution;
import io.github.demitasse.benchmarks.training.FullyConnected;
import io.github.demitasse.benchmarks.training.Layer;
import io.github.demitasse.benchmarks.training.Lstm;
import io.github.demitasse.benchmarks.training.MaxPooling;
import io.github.demitasse.benchmarks.training.Network;
import io.github.demitasse.benchmarks.training.NetworkExport;
import io.github.demitasse.benchmarks.training.Rectifier;
import io.github.demitasse.benchmarks.training.Trainer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Trains networks on MNIST and writes them as ONNX: {@code lenet-mnist.onnx}, LeNet-5 (LeCun et al.
 * 1998, with ReLU and the largest value of each pool in place of its activations and averages), and
 * {@code lstm-mnist.onnx}, an LSTM over the rows of an image. Their input is [batch][1][28][28]
 * from 0 to 1.
 *
 * <p>Arguments: the folder of the idx files, the folder to write to, perhaps which (lenet, lstm).
 */
public final class TrainNetworks {
  private static final int SIDE = MnistImages.SIDE;
  private static final int THREADS = 2;
  private static final int BATCH = 64;
  private static final long SEED = 1998;

  private TrainNetworks() {}

  /** A network to train. */
  enum Kind {
    LENET(8, 2e-3) {
      @Override
      List<Layer> layers() {
        return List.of(
            new Convolution(1, SIDE, SIDE, 6, 5, 2),
            new Rectifier(6 * 28 * 28),
            new MaxPooling(6, 28, 28),
            new Convolution(6, 14, 14, 16, 5, 0),
            new Rectifier(16 * 10 * 10),
            new MaxPooling(16, 10, 10),
            new FullyConnected(16 * 5 * 5, 120),
            new Rectifier(120),
            new FullyConnected(120, 84),
            new Rectifier(84),
            new FullyConnected(84, MnistImages.CLASSES));
      }
    },
    LSTM(5, 3e-3) {
      @Override
      List<Layer> layers() {
        return List.of(new Lstm(SIDE, SIDE, 128), new FullyConnected(128, MnistImages.CLASSES));
      }
    };

    private final int epochs;
    private final double rate;

    Kind(int epochs, double rate) {
      this.epochs = epochs;
      this.rate = rate;
    }

    abstract List<Layer> layers();

    String file() {
      return name().toLowerCase(Locale.ROOT) + "-mnist";
    }
  }

  public static void main(String[] arguments) throws Exception {
    MnistImages training = MnistImages.training(Path.of(arguments[0]));
    MnistImages test = MnistImages.test(Path.of(arguments[0]));
    List<String> chosen = Arrays.asList(arguments).subList(2, arguments.length);
    for (Kind kind : Kind.values()) {
      if (!chosen.isEmpty() && !chosen.contains(kind.name().toLowerCase(Locale.ROOT))) {
        continue;
      }
      long start = System.nanoTime();
      Network network = train(kind, training);
      Path file = Path.of(arguments[1]).resolve(kind.file() + ".onnx");
      export(kind, network).save(file);
      System.out.printf(
          Locale.ROOT,
          "%s: %.2f %% of the test images, trained in %.0f s%n",
          file,
          100 * Accuracy.of(network::scores, test),
          (System.nanoTime() - start) / 1e9);
    }
  }

  private static Network train(Kind kind, MnistImages training) {
    Network network = Network.random(kind.layers(), SEED);
    long start = System.nanoTime();
    new Trainer(kind.epochs, BATCH, kind.rate, SEED, THREADS)
        .train(
            network,
            training,
            (epoch, loss) ->
                System.out.printf(
                    Locale.ROOT,
                    "%s, epoch %d: loss %.4f, %.0f s%n",
                    kind.file(),
                    epoch + 1,
                    loss,
                    (System.nanoTime() - start) / 1e9));
    return network;
  }

  static Model export(Kind kind, Network network) {
    Map<String, String> notes =
        Map.of("description", "Trained on MNIST; the input is a byte / 255, ink is 1");
    return NetworkExport.of(kind.file(), network, 1, SIDE, SIDE, notes);
  }
}
