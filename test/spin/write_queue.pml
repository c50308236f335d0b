/* The protocol of the write queue: who is admitted, who waits, who is woken, and how it ends.
 *
 * Two producers of two writes each, a writer, a closer, a canceller and perhaps an aborter, in any
 * order. A critical section is one atomic step; what it asks for (a wake-up, a posted
 * turn) happens in a step of its own, later. A write is a number, 0 to 3: producer p writes 2p, then
 * 2p + 1.
 *
 * Defined from outside: ITEMS and BYTES, the limits; SIZE_0 and SIZE_1, the bytes of
 * a write of either producer; WAITERS and WAITING_BYTES, the limits of the line, and STEP, how many are let in by one step, where
 * these are to matter; ADMITS for a close that lets in who waits; WITH_ABORT for an aborter, and
 * WITH_ABORT_AFTER_WRITTEN for one who lets all that was admitted be written and acknowledged first.
 * What must hold is asserted where it could break; that everybody ends is the absence of invalid end
 * states.
 */

#define WRITES 4
#ifndef WAITERS
#define WAITERS WRITES
#endif
#ifndef WAITING_BYTES
#define WAITING_BYTES 255
#endif
#ifndef STEP
#define STEP WRITES
#endif
#define NOBODY 255

mtype = { open, closing, ended };                       /* the queue */
mtype = { idle, scheduled, writing, shutting_down, acknowledging };  /* its writer */
mtype = { unborn, waiting, admitted, written, refused, cancelled };  /* a write */

mtype state = open;
mtype writer = idle;
mtype write[WRITES] = unborn;
bool woken[WRITES];       /* the result of a write that waited has come */
bool began_late[WRITES];  /* it was submitted after the close had returned */

chan queue = [WRITES] of { byte };  /* admitted, not written, in order */
chan line = [WRITES] of { byte };   /* those that wait for room, in order */
byte pending_items;
byte pending_bytes;
byte waiting_bytes;       /* of all in line */
byte offset;              /* bytes of the first item that are written */
bool turn_posted;
bool behind[2];           /* a producer's write waits behind the other's */
bool has_closed;          /* the close, or the abort, has returned */
bool in_order = true;     /* a close is not an abort */
bool was_shut_down;       /* the peer was told that this is all */
byte last_written[2] = NOBODY;  /* of each producer */

#define size_of(w) ((w) < 2 -> SIZE_0 : SIZE_1)
#define has_room(w) (pending_items + 1 <= ITEMS && pending_bytes + size_of(w) <= BYTES)
#define may_wait(w) (len(line) < WAITERS && (len(line) == 0 || waiting_bytes + size_of(w) <= WAITING_BYTES))

inline push(w) {
#ifdef ADMITS
  assert(state != ended && in_order);
#else
  assert(state == open);
#endif
  assert(!began_late[w]);
  queue!w;
  write[w] = admitted;
  pending_items++;
  pending_bytes = pending_bytes + size_of(w);
  assert(pending_items <= ITEMS && pending_bytes <= BYTES && pending_items == len(queue))
}

/* Each `wake` is the bit of one whose result has come; the caller wakes them after its step. `more`:
 * the step has let in as many as it may, and the next in line fits. */
inline admit_waiters(wake, more) {
  left = STEP;
  more = false;
  do
  :: len(line) > 0 ->
    line?<next>;
    if
    :: has_room(next) && left > 0 -> line?next
    :: has_room(next) && left == 0 -> more = true; break
    :: else -> break
    fi;
    left--;
    waiting_bytes = waiting_bytes - size_of(next);
    assert(!behind[next / 2]);
    behind[1 - next / 2] = false;
    push(next);
    wake = wake | (1 << next)
  :: else -> break
  od;
  left = 0;
  next = 0
}

inline refuse_waiters(wake) {
  do
  :: len(line) > 0 ->
    line?next;
    behind[1 - next / 2] = false;
    write[next] = refused;
    wake = wake | (1 << next)
  :: else -> next = 0; waiting_bytes = 0; break
  od
}

inline wake_all(wake) {
  next = 0;
  do
  :: next < WRITES ->
    if
    :: (wake >> next) & 1 -> assert(!woken[next]); woken[next] = true
    :: else
    fi;
    next++
  :: else -> break
  od;
  next = 0;
  wake = 0
}

inline end_queue(wake) {
  state = ended;
  refuse_waiters(wake);
  pending_items = 0;
  pending_bytes = 0
}

proctype Producer(byte p) {
  byte w = 2 * p;
  byte next;
  bool must_wait;
  bool posts;
  do
  :: w < 2 * p + 2 ->
    atomic {  /* wait_room */
      began_late[w] = has_closed;
      if
      :: state != open -> write[w] = refused
      :: state == open && len(line) == 0 && has_room(w) ->
        assert(write[2 - 2 * p] != waiting && write[3 - 2 * p] != waiting);
        push(w);
        posts = (writer == idle);
        if
        :: posts -> writer = scheduled
        :: else
        fi
      :: else ->
        if
        :: may_wait(w) ->
          behind[p] = (len(line) > 0);
          line!w;
          waiting_bytes = waiting_bytes + size_of(w);
          assert(waiting_bytes <= WAITING_BYTES || len(line) == 1);
          write[w] = waiting;
          must_wait = true
        :: else -> write[w] = refused
        fi
      fi
    }
    atomic {
      if
      :: posts -> assert(!turn_posted); turn_posted = true; posts = false
      :: else
      fi
    }
    atomic {
      if
      :: must_wait -> (woken[w]); must_wait = false
      :: else
      fi;
      assert(write[w] != unborn && write[w] != waiting);
      w++
    }
  :: else -> break
  od
}

/* The stream has taken one more byte. */
inline take_byte() {
  offset++;
  queue?<next>;
  if
  :: offset == size_of(next) ->
    queue?next;
    assert(write[next] == admitted);
    assert(last_written[next / 2] == NOBODY || last_written[next / 2] < next);
    last_written[next / 2] = next;
    write[next] = written;
    offset = 0;
    offered--;
    if
    :: state != ended -> pending_items--; pending_bytes = pending_bytes - size_of(next)
    :: else
    fi
  :: else
  fi;
  next = 0
}

/* `next` of the queue: what the writer is to do. */
inline decide(wake) {
  if
  :: state == ended -> writer = idle
  :: else ->
    admit_waiters(wake, yields);
    if
    :: yields -> writer = scheduled
    :: !yields && len(queue) > 0 -> writer = writing
    :: !yields && len(queue) == 0 && state == closing && in_order -> writer = shutting_down
    :: !yields && len(queue) == 0 && state == closing && !in_order -> writer = acknowledging
    :: else -> writer = idle
    fi
  fi
}

/* The writer goes on in another turn. */
inline post_if_yields() {
  if
  :: yields -> assert(!turn_posted); turn_posted = true; yields = false
  :: else
  fi
}

proctype Writer() {
  byte next;
  byte wake;
  byte left;
  bool all;
  bool yields;
  byte offered;
  do
  :: atomic { turn_posted -> turn_posted = false };
    atomic { decide(wake); offered = len(queue) }
    atomic { wake_all(wake); post_if_yields() }
    do
    :: atomic {  /* finish_write: what came meanwhile was not offered */
        writer == writing ->
        if
        :: all = true
        :: all = false
        fi;
        assert(offered > 0);
        do
        :: offered > 0 ->
          take_byte();
          if
          :: !all -> break
          :: else
          fi
        :: else -> break
        od;
        all = false;
        decide(wake);
        offered = len(queue)
      }
      atomic { wake_all(wake); post_if_yields() }
    :: atomic {
        writer == shutting_down || writer == acknowledging ->
        if
        :: state != ended && writer == shutting_down ->
          assert(in_order && len(queue) == 0 && len(line) == 0);
          was_shut_down = true
        :: else
        fi;
        writer = idle;
        if
        :: state != ended -> end_queue(wake)
        :: else
        fi
      }
      atomic { wake_all(wake) }
    :: else -> break
    od
  :: state == ended && !turn_posted && writer == idle -> break
  od
}

proctype Closer() {
  byte next;
  byte wake;
  bool posts;
  atomic {
    if
    :: state == open ->
      state = closing;
#ifndef ADMITS
      refuse_waiters(wake);
#endif
      posts = (writer == idle);
      if
      :: posts -> writer = scheduled
      :: else
      fi
    :: else
    fi
  }
  atomic {
    has_closed = true;
    if
    :: posts -> assert(!turn_posted); turn_posted = true
    :: else
    fi;
    wake_all(wake)
  }
}

#ifdef WITH_ABORT
proctype Aborter() {
  byte next;
  byte wake;
  atomic {
    if
    :: state != ended -> end_queue(wake)
    :: else
    fi
  }
  atomic { has_closed = true; wake_all(wake) }
}
#endif

#ifdef WITH_ABORT_AFTER_WRITTEN
proctype LateAborter() {
  byte next;
  byte wake;
  bool posts;
  atomic {
    if
    :: state != ended && writer != shutting_down ->
      in_order = false;
      refuse_waiters(wake);
      if
      :: state == open ->
        state = closing;
        posts = (writer == idle);
        if
        :: posts -> writer = scheduled
        :: else
        fi
      :: else
      fi
    :: else
    fi
  }
  atomic {
    has_closed = true;
    if
    :: posts -> assert(!turn_posted); turn_posted = true
    :: else
    fi;
    wake_all(wake)
  }
}
#endif

inline schedule_if_idle() {
  if
  :: len(queue) > 0 && writer == idle -> posts = true; writer = scheduled
  :: else
  fi
}

/* Takes the first producer's first write out of the line, if it is there. */
proctype Canceller() {
  byte next;
  byte other;
  byte left;
  byte wake;
  bool posts;
  bool more;
  atomic {
    if
    :: write[0] == waiting ->
      left = len(line);
      do
      :: left > 0 ->
        line?other;
        if
        :: other == 0
        :: else -> line!other
        fi;
        left--
      :: else -> break
      od;
      other = 0;
      behind[0] = false;
      behind[1] = false;
      waiting_bytes = waiting_bytes - size_of(0);
      write[0] = cancelled;
      wake = 1;
      admit_waiters(wake, more);
      schedule_if_idle()
    :: else
    fi
  }
  do
  :: atomic { more -> admit_waiters(wake, more); schedule_if_idle() }
  :: else -> break
  od;
  atomic {
    if
    :: posts -> assert(!turn_posted); turn_posted = true
    :: else
    fi;
    wake_all(wake)
  }
}

init {
  byte w;
  atomic {
    run Producer(0);
    run Producer(1);
    run Writer();
    run Canceller();
#ifdef WITH_ABORT
    run Aborter();
#endif
#ifdef WITH_ABORT_AFTER_WRITTEN
    run LateAborter();
#endif
    run Closer()
  }
  (_nr_pr == 1);  /* all have ended: if one waits for ever, this is an invalid end state */
  d_step {
    assert(state == ended && len(line) == 0);
    assert(pending_items == 0 && pending_bytes == 0);
#ifndef WITH_ABORT
    assert(was_shut_down == in_order);
#endif
    assert(!was_shut_down || in_order);
    w = 0;
    do
    :: w < WRITES ->
      assert(write[w] == written || write[w] == refused || write[w] == cancelled ||
             write[w] == admitted);
#ifndef WITH_ABORT
      assert(write[w] != admitted);  /* closed: all that was admitted was written */
#endif
      w++
    :: else -> break
    od
  }
}
