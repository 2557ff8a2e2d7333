using System.Security.Cryptography;

namespace Banyan.Evaluation.Arena;

/// <summary>Two answers to a question, the models unknown to the voter.</summary>
/// <param name="Id">Identifies the round in a vote; reveals nothing about the models.</param>
/// <param name="Question">What was asked.</param>
/// <param name="Left">The first answer.</param>
/// <param name="Right">The second.</param>
public sealed record ArenaRound(string Id, ArenaQuestion Question, ArenaAnswer Left, ArenaAnswer Right);

/// <summary>The result of casting a vote.</summary>
/// <param name="Left">The model of the left answer; null if the round is unknown or already voted on.</param>
/// <param name="Right">The model of the right answer.</param>
public readonly record struct Revealed(string? Left, string? Right);

/// <summary>
/// Draws rounds and accepts votes. Question, pair and sides are random; pairs that met less often come first; each round accepts one vote;
/// until then only this class knows which model is which.
/// </summary>
public sealed class ArenaRounds
{
    /// <summary>Rounds that wait for a vote; the oldest is forgotten.</summary>
    const int MostOpen = 1000;

    readonly IReadOnlyList<Entrant> _entrants;
    readonly IReadOnlyList<ArenaQuestion> _questions;
    readonly VoteFile _votes;
    readonly Lock _gate = new();
    readonly Dictionary<string, (ArenaRound Round, string Left, string Right)> _open = [];
    readonly Queue<string> _order = new();

    /// <summary>
    /// Requires at least two models and a question that two of them answer; otherwise throws <see cref="EvaluationException"/>.
    /// </summary>
    public ArenaRounds(IReadOnlyList<Entrant> entrants, IReadOnlyList<ArenaQuestion> questions, VoteFile votes)
    {
        if (entrants.Count < 2)
            throw new EvaluationException("an arena needs two models: give --model or --answers twice");
        if (entrants.GroupBy(e => e.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new EvaluationException($"two entrants are called '{twice.Key}': give each a name, as NAME=FILE");
        (_entrants, _questions, _votes) = (entrants, [.. questions.Where(q => entrants.Count(e => e.Has(q)) >= 2)], votes);
        if (_questions.Count == 0)
            throw new EvaluationException(
                $"no question has answers of two models{(questions.Count > 0 ? $" (one is '{questions[0].Id}')" : "")}");
    }

    /// <summary>Every vote, including earlier sessions.</summary>
    public IReadOnlyList<Vote> Votes => _votes.Votes;

    /// <summary>Draws the next round and gets its answers.</summary>
    /// <param name="cancellationToken">Stops waiting for answers.</param>
    /// <param name="drawn">Called with the question before it is answered: answers may take minutes, and the page can show it
    /// meanwhile.</param>
    public async Task<ArenaRound> NextAsync(CancellationToken cancellationToken = default, Func<ArenaQuestion, Task>? drawn = null)
    {
        var question = _questions[RandomNumberGenerator.GetInt32(_questions.Count)];
        var able = _entrants.Where(e => e.Has(question)).ToList();
        var met = _votes.Votes.CountBy(v => Pair(v.Left, v.Right)).ToDictionary();
        var pairs = able.SelectMany((a, i) => able.Skip(i + 1).Select(b => (A: a, B: b)))
            .GroupBy(p => met.GetValueOrDefault(Pair(p.A.Name, p.B.Name))).MinBy(g => g.Key)!.ToList();
        var (left, right) = pairs[RandomNumberGenerator.GetInt32(pairs.Count)];
        if (RandomNumberGenerator.GetInt32(2) == 0)
            (left, right) = (right, left);
        if (drawn is not null)
            await drawn(question);
        var answers = await Task.WhenAll(left.AnswerAsync(question, cancellationToken), right.AnswerAsync(question, cancellationToken));
        var round = new ArenaRound(RandomNumberGenerator.GetHexString(32, lowercase: true), question, answers[0], answers[1]);
        lock (_gate)
        {
            _open[round.Id] = (round, left.Name, right.Name);
            _order.Enqueue(round.Id);
            while (_order.Count > MostOpen)
                _open.Remove(_order.Dequeue());
        }
        return round;
    }

    /// <summary>The round of this id while it waits for its vote; otherwise null.</summary>
    public ArenaRound? Find(string id)
    {
        lock (_gate)
            return _open.TryGetValue(id, out var found) ? found.Round : null;
    }

    /// <summary>Votes on a round, and reveals the models.</summary>
    public Revealed Cast(string round, Choice choice)
    {
        (ArenaRound Round, string Left, string Right) found;
        lock (_gate)
            if (!_open.Remove(round, out found))
                return default;
        _votes.Append(new()
        {
            At = DateTimeOffset.UtcNow,
            Question = found.Round.Question.Id,
            Left = found.Left,
            Right = found.Right,
            Choice = choice,
            LeftHash = found.Round.Left.Hash(),
            RightHash = found.Round.Right.Hash(),
        });
        return new(found.Left, found.Right);
    }

    static (string, string) Pair(string a, string b) => string.CompareOrdinal(a, b) < 0 ? (a, b) : (b, a);
}
