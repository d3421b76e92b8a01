package io.github.demitasse.cli.measure;

import java.util.Arrays;
import java.util.List;

/** Confined to one thread: times work that is repeated, several contestants in turns. */
public final class Stopwatch {
  /** Long enough for another runtime's idle threads to stop spinning. */
  private static final long PAUSE_MILLISECONDS = 100;

  private static final int ROUNDS = 5;

  /** In one round; keeps the list of times small for work that takes next to no time. */
  private static final int MOST_REPETITIONS = 1_000_000;

  private Stopwatch() {}

  /** Milliseconds of one repetition. */
  public record Times(double median, double minimum, int repetitions) {}

  /**
   * Times each contestant for about {@code seconds} in all, after a warm-up, in turns so that a
   * drift of the machine meets all of them.
   */
  public static List<Times> time(List<Runnable> contestants, double seconds) {
    int count = contestants.size();
    double[][] times = new double[count][];
    int[] repetitions = new int[count];
    for (int i = 0; i < count; i++) {
      repetitions[i] = warmUp(contestants.get(i), seconds / ROUNDS);
      times[i] = new double[ROUNDS * repetitions[i]];
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < count; i++) {
        turn(contestants.get(i), times[i], round * repetitions[i], repetitions[i], count > 1);
      }
    }
    return Arrays.stream(times)
        .map(
            all -> {
              Arrays.sort(all);
              return new Times(all[all.length / 2], all[0], all.length);
            })
        .toList();
  }

  private static int warmUp(Runnable work, double seconds) {
    long start = System.nanoTime();
    int runs = 0;
    double elapsed;
    do {
      work.run();
      runs++;
      elapsed = (System.nanoTime() - start) / 1e9;
    } while (elapsed < seconds || runs < 3);
    return (int) Math.max(1, Math.min(MOST_REPETITIONS, runs * seconds / elapsed));
  }

  private static void turn(Runnable work, double[] times, int from, int runs, boolean pause) {
    if (pause) {
      sleep();
      work.run(); // wakes threads and caches
    }
    for (int i = 0; i < runs; i++) {
      long start = System.nanoTime();
      work.run();
      times[from + i] = (System.nanoTime() - start) / 1e6;
    }
  }

  private static void sleep() {
    try {
      Thread.sleep(PAUSE_MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
