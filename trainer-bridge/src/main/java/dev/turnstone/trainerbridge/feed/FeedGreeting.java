package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.log.RunTable.Marks;
import dev.turnstone.trainerbridge.spec.RunPhase;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage.Hello;
import dev.turnstone.trainerbridge.wire.FeedMessage.Limits;
import dev.turnstone.trainerbridge.wire.FeedMessage.Resume;
import dev.turnstone.trainerbridge.wire.FeedMessage.Role;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import dev.turnstone.trainerbridge.wire.FeedProtocol;
import dev.turnstone.trainerbridge.wire.RowCheck;
import java.util.Optional;

/// A hello and what it is answered with: a welcome, or why not. Called with the run's lock.
record FeedGreeting(FeedOwner run, Hello hello) {
  /// Refuses what does not fit the run.
  void check(Marks marks) throws FeedRefusal {
    RunSpec spec = run.spec();
    if (marks.phase() == RunPhase.CANCELLED)
      throw new FeedRefusal(CloseCode.NORMAL, "run " + spec.run() + " was cancelled");
    if (!hello.run().equals(spec.run()))
      throw new FeedRefusal(
          CloseCode.REFUSED, "this is the feed of run %s: %s".formatted(spec.run(), hello.run()));
    Optional<String> difference = hello.expected().difference(spec, run.policy());
    if (difference.isPresent()) throw new FeedRefusal(CloseCode.REFUSED, difference.get());
  }

  /// Where the client goes on.
  Resume resume(Marks marks) throws FeedRefusal {
    long start = hello.role() == Role.TRAIN ? marks.committed() : marks.head();
    Resume resume = hello.resume().orElse(new Resume(start, start));
    if (resume.held() > marks.head())
      throw notKept(marks, "held %d is above head %d".formatted(resume.held(), marks.head()));
    if (resume.commit() + 1 < marks.keptFrom())
      throw notKept(marks, "seq %d is not kept".formatted(resume.commit() + 1));
    return resume;
  }

  private static FeedRefusal notKept(Marks marks, String why) {
    return new FeedRefusal(
        CloseCode.GONE, "%s; the first seq there is is %d".formatted(why, marks.keptFrom()));
  }

  Welcome welcome(Marks marks) {
    RunSpec spec = run.spec();
    return new Welcome(
        marks.epoch(),
        marks.head(),
        marks.committed(),
        run.applied().version(),
        run.applied().lineage(),
        run.policy(),
        Fields.wire(spec.sampling().logprobMode()),
        hello.compression(),
        new Limits(
            FeedProtocol.MAX_MESSAGE_BYTES,
            RowCheck.MAX_BYTES,
            spec.maxStaleness(),
            spec.groupsPerVersion(),
            spec.groupSize()));
  }
}
