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

    long _bytes, _checkedBytes, _pulledBytes;
    int _pulls, _broken;

    public void Struck(string fault) => _struck[fault] = _struck.GetValueOrDefault(fault) + 1;

    public void Acknowledge(long bytes) => (Acknowledged, _bytes) = (Acknowledged + 1, _bytes + bytes);

    public void Pulled(bool atOnce, long bytes) => (_pulls, _broken, _pulledBytes) = (_pulls + 1, _broken + (atOnce ? 0 : 1), _pulledBytes + bytes);

    public void Checked(long bytes) => _checkedBytes += bytes;

    public override string ToString() =>
        $"{Acknowledged} changes acknowledged ({_bytes >> 20} MiB), {Refused} refused, {Found} there without an answer; {_pulls} pulls ({_pulledBytes >> 20} MiB), {_broken} of them broken off and gone on with; "
        + $"{Checks} whole checks ({_checkedBytes >> 20} MiB read back), fsck clean in each; {Starts} starts, {Cuts} connections cut; faults: {string.Join(", ", _struck.Select(s => $"{s.Value} {s.Key}"))}";
}
