package io.github.demitasse.benchmarks.harness;

import java.util.Arrays;

/**
 * Confined to one thread: two opponents at the same work, in turns, so that a drift of the machine
 * meets both. What counts is the ratio of medians; minima are shown beside it.
 */
public final class Duel {
  /**
   * Longer than the opponents' idle threads spin, so that none steals a core from the other's turn.
   */
  private static final long PAUSE_MILLISECONDS = 150;

  private static final int ROUNDS = 7;

  private Duel() {}

  /** One opponent's work, repeatable. */
  @FunctionalInterface
  public interface Work {
    void run() throws Exception;
  }

  /** Times in milliseconds of one run. */
  public record Outcome(double ours, double theirs, double oursMinimum, double theirsMinimum) {
    /** How many times faster we are, by medians. */
    public double ratio() {
      return theirs / ours;
    }
  }

  /** Takes turns of about {@code turnMilliseconds} each. */
  public static Outcome fight(Work ours, Work theirs, long turnMilliseconds) throws Exception {
    int ourRuns = warmUp(ours, turnMilliseconds);
    int theirRuns = warmUp(theirs, turnMilliseconds);
    double[] ourTimes = new double[ROUNDS * ourRuns];
    double[] theirTimes = new double[ROUNDS * theirRuns];
    for (int round = 0; round < ROUNDS; round++) {
      turn(ours, ourTimes, round * ourRuns, ourRuns);
      turn(theirs, theirTimes, round * theirRuns, theirRuns);
    }
    Arrays.sort(ourTimes);
    Arrays.sort(theirTimes);
    return new Outcome(
        ourTimes[ourTimes.length / 2],
        theirTimes[theirTimes.length / 2],
        ourTimes[0],
        theirTimes[0]);
  }

  /** Runs for one turn and says how many runs fill a turn. */
  private static int warmUp(Work work, long milliseconds) throws Exception {
    long start = System.nanoTime();
    long end = start + milliseconds * 1_000_000;
    int runs = 0;
    do {
      work.run();
      runs++;
    } while (System.nanoTime() < end || runs < 3);
    return Math.max(1, (int) (runs * milliseconds * 1e6 / (System.nanoTime() - start)));
  }

  private static void turn(Work work, double[] times, int from, int runs) throws Exception {
    Thread.sleep(PAUSE_MILLISECONDS);
    work.run(); // wakes threads and caches
    for (int i = 0; i < runs; i++) {
      long start = System.nanoTime();
      work.run();
      times[from + i] = (System.nanoTime() - start) / 1e6;
    }
  }
}
