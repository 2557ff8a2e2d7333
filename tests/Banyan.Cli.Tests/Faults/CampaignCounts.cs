using System.Net;

namespace Banyan.Cli.Tests.Faults;

/// <summary>What a campaign came to.</summary>
sealed class CampaignCounts
{
    readonly SortedDictionary<string, int> _struck = new(StringComparer.Ordinal);

    /// <summary>Changes that were acknowledged, refused, and that turned out to be there though no answer came.</summary>
    public int Acknowledged { get; private set; }
    public int Refused { get; set; }
    public int Found { get; set; }

    /// <summary>Whole checks: every file read, and fsck.</summary>
    public int Checks { get; set; }

    public int Starts { get; set; }
    public int Cuts { get; set; }

    /// <summary>How often another user was let in or out.</summary>
    public int Answers { get; set; }

    /// <summary>The statuses that changes were refused with.</summary>
    public IReadOnlyCollection<HttpStatusCode> Statuses => _statuses.Keys;

    readonly SortedDictionary<HttpStatusCode, int> _statuses = [];
    long _bytes, _checkedBytes, _pulledBytes;
    int _pulls, _broken;

    public void Struck(string fault) => _struck[fault] = _struck.GetValueOrDefault(fault) + 1;

    public void Answered(HttpStatusCode status) => _statuses[status] = _statuses.GetValueOrDefault(status) + 1;

    public void Acknowledge(long bytes) => (Acknowledged, _bytes) = (Acknowledged + 1, _bytes + bytes);

    public void Pulled(bool atOnce, long bytes) =>
        (_pulls, _broken, _pulledBytes) = (_pulls + 1, _broken + (atOnce ? 0 : 1), _pulledBytes + bytes);

    public void Checked(long bytes) => _checkedBytes += bytes;

    public override string ToString() =>
        $"{Acknowledged} changes acknowledged ({_bytes >> 20} MiB), {Refused} refused ({string.Join(", ", _statuses.Select(s => $"{s.Value} with {(int)s.Key}"))}), {Found} there without an answer; {_pulls} pulls ({_pulledBytes >> 20} MiB), {_broken} of them broken off and gone on with; {Answers} times another user was let in or out; "
        + $"{Checks} whole checks ({_checkedBytes >> 20} MiB read back), fsck clean in each; {Starts} starts, {Cuts} connections cut; faults: {string.Join(", ", _struck.Select(s => $"{s.Value} {s.Key}"))}";
}
