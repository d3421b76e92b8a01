package io.github.demitasse.tensor;

import java.lang.ref.Cleaner;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Thread-safe: reports objects that the collector finds before anyone closed them, with the place
 * where they came to be. Remembering the place costs microseconds per object, so it is done only
 * when the system property {@code demitasse.leakDetection} is true.
 */
public final class LeakDetector {
  private static final boolean ENABLED = Boolean.getBoolean("demitasse.leakDetection");

  private final Cleaner cleaner = Cleaner.create();
  private final BiConsumer<String, Throwable> reporter;

  /**
   * @param reporter is given the message and the allocation site, on a thread of its own
   */
  LeakDetector(BiConsumer<String, Throwable> reporter) {
    this.reporter = reporter;
  }

  /** The detector that logs warnings, or null when detection is off. */
  public static LeakDetector configured() {
    return ENABLED ? Logging.INSTANCE : null;
  }

  /** Watches an object; nothing the result holds may lead back to it. */
  public Watch watch(Object watched, String description) {
    Watch watch = new Watch(description);
    watch.registration = cleaner.register(watched, watch);
    return watch;
  }

  /** Thread-safe: one watched object. */
  public final class Watch implements Runnable {
    private final String description;
    private final Throwable site = new Throwable("allocated here");
    private volatile boolean done;
    private Cleaner.Cleanable registration;

    private Watch(String description) {
      this.description = description;
    }

    /** The object was closed, or need not be. */
    public void end() {
      done = true;
      registration.clean();
    }

    @Override
    public void run() {
      if (!done) {
        reporter.accept(description + " was not closed", site);
      }
    }
  }

  /** Loaded only when detection is on. */
  private static final class Logging {
    private static final Logger LOG = LoggerFactory.getLogger(LeakDetector.class);
    static final LeakDetector INSTANCE = new LeakDetector(LOG::warn);
  }
}
