using Banyan.Evaluation.Arena;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Cli.Commands.Eval;

/// <summary>An open arena: the models that answer in it, and its file of votes.</summary>
sealed class OpenArena : IAsyncDisposable
{
    readonly List<EvaluatedModel> _models = [];
    VoteFile? _votes;

    public ArenaRounds Rounds { get; private set; } = null!;

    /// <param name="questions">What is asked.</param>
    /// <param name="models">Models that answer now, as for <c>eval run</c>.</param>
    /// <param name="answers">Recorded answers, as <c>FILE</c> or <c>NAME=FILE</c>, also of folders.</param>
    /// <param name="sampling">The sampling of models that answer now.</param>
    /// <param name="votes">The file of votes.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<OpenArena> OfAsync(IReadOnlyList<ArenaQuestion> questions, IEnumerable<string> models,
        IEnumerable<string> answers, SamplingSettings sampling, string votes, CancellationToken cancellationToken)
    {
        sampling.Validate();
        var arena = new OpenArena();
        try
        {
            var entrants = answers.Select(Recorded).ToList();
            foreach (var spec in models)
            {
                var model = RunCommand.Open(spec, threads: null, requests: 1);
                arena._models.Add(model);
                entrants.Add(await Entrant.OfAsync(model, sampling, cancellationToken: cancellationToken));
            }
            arena.Rounds = new(entrants, questions, arena._votes = VoteFile.Open(votes));
            return arena;
        }
        catch
        {
            await arena.DisposeAsync();
            throw;
        }
    }

    static Entrant Recorded(string given) => given.IndexOf('=') is > 0 and var at && !Path.Exists(given)
        ? Entrant.Recorded(given[(at + 1)..], given[..at])
        : Entrant.Recorded(given);

    public async ValueTask DisposeAsync()
    {
        _votes?.Dispose();
        foreach (var model in _models)
            await model.DisposeAsync();
    }
}
