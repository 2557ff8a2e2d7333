namespace Banyan.Server.Content;

/// <summary>Admits work in order of arrival as long as its total weight stays below a limit, so that total memory is bounded however many
/// requests arrive at once. Work above the limit is admitted alone.</summary>
sealed class WeightGate
{
    readonly Lock _lock = new();
    readonly LinkedList<Place> _waiting = [];
    readonly long _capacity;
    long _free;

    public WeightGate(long capacity) => _free = _capacity = capacity;

    /// <summary>Waits for room; disposing what it returns gives it back.</summary>
    public async Task<IDisposable> EnterAsync(long weight, CancellationToken cancellationToken)
    {
        var place = new Place(this, Math.Min(weight, _capacity));
        lock (_lock)
        {
            _waiting.AddLast(place);
            Admit();
        }
        await using var giveUp = cancellationToken.Register(() =>
        {
            lock (_lock)
                if (_waiting.Remove(place))
                {
                    place.Entered.SetCanceled(cancellationToken);
                    Admit();   // who stood behind may be lighter
                }
        });
        await place.Entered.Task;
        return place;
    }

    void Admit()
    {
        while (_waiting.First is { Value: var first } && first.Weight <= _free)
        {
            _waiting.RemoveFirst();
            _free -= first.Weight;
            first.Entered.SetResult();
        }
    }

    sealed class Place(WeightGate gate, long weight) : IDisposable
    {
        bool _left;

        public long Weight => weight;
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Dispose()
        {
            lock (gate._lock)
            {
                if (_left)
                    return;
                _left = true;
                gate._free += weight;
                gate.Admit();
            }
        }
    }
}
