using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Server.Inference.Models;

namespace Banyan.Server.Inference;

/// <summary>One generation of a request, and which choice of the answer it becomes.</summary>
/// <param name="Choice">The choice.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="Options">How to sample.</param>
/// <param name="Turn">The turn of a conversation that it is, which may limit reasoning; null for any other text.</param>
sealed record Request(int Choice, int[] Prompt, GenerationOptions Options, Turn? Turn = null)
{
    public Request(Turn turn, int choice = 0)
        : this(choice, turn.Prompt, choice == 0 ? turn.Options : turn.Options with { Seed = turn.Options.Seed + (ulong)choice }, turn)
    {
    }

    public IAsyncEnumerable<Generated> RunAsync(LoadedModel model, CancellationToken cancellationToken) => Turn is null
        ? model.GenerateAsync(Prompt, Options, cancellationToken)
        : Turn.GenerateAsync(model.GenerateAsync, Options, model.ContextLength, cancellationToken);
}

/// <summary>A piece of choice <paramref name="Choice"/>.</summary>
readonly record struct Piece(int Choice, Generated Generated);

/// <summary>Runs several generations at once and returns their pieces as they arrive. Leaving the loop cancels all of them.</summary>
static class Generations
{
    public static async IAsyncEnumerable<Piece> RunAsync(LoadedModel model, IReadOnlyList<Request> requests,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (requests is [var only])
        {
            await foreach (var generated in only.RunAsync(model, cancellationToken))
                yield return new Piece(only.Choice, generated);
            yield break;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pieces = Channel.CreateBounded<Piece>(new BoundedChannelOptions(64) { SingleReader = true });
        var running = Task.WhenAll(requests.Select(r => PumpAsync(model, r, pieces.Writer, stop)))
            .ContinueWith(all => pieces.Writer.TryComplete(all.Exception?.InnerException), TaskScheduler.Default);
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(cancellationToken))
                yield return piece;
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }
    }

    static async Task PumpAsync(LoadedModel model, Request request, ChannelWriter<Piece> pieces, CancellationTokenSource stop)
    {
        try
        {
            await foreach (var generated in request.RunAsync(model, stop.Token))
                await pieces.WriteAsync(new Piece(request.Choice, generated), stop.Token);
        }
        catch (Exception e)
        {
            pieces.TryComplete(e);    // the first failure is the answer's; the others stop
            await stop.CancelAsync();
        }
    }
}
