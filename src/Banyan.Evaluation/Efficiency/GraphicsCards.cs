using System.Runtime.InteropServices;

namespace Banyan.Evaluation.Efficiency;

/// <summary>
/// Energy of NVIDIA's graphics cards, as they count it themselves (NVML's <c>nvmlDeviceGetTotalEnergyConsumption</c>, since Volta). The
/// library comes with the driver and is loaded at run time: without it, nothing is measured.
/// </summary>
sealed unsafe class GraphicsCards
{
    const int MostCards = 1024;

    readonly nint[] _counting;
    readonly delegate* unmanaged[Cdecl]<nint, ulong*, int> _energy;

    GraphicsCards(nint[] counting, int present, delegate* unmanaged[Cdecl]<nint, ulong*, int> energy)
    {
        (_counting, Present) = (counting, present);
        _energy = energy;
    }

    /// <summary>The library's name on this system.</summary>
    public static string Library => OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";

    /// <summary>Number of cards.</summary>
    public int Present { get; }

    /// <summary>Number of cards that count their energy.</summary>
    public int Counting => _counting.Length;

    /// <summary>
    /// The cards of this machine; null if none counts. The library stays loaded and initialized until the process ends: without a client,
    /// the driver may be unloaded, which resets the counters.
    /// </summary>
    /// <param name="library">A name that the system's loader finds, or a path.</param>
    public static GraphicsCards? Open(string library)
    {
        // System32 alone: a nvml.dll beside the program is not the driver's.
        if (!NativeLibrary.TryLoad(library, typeof(GraphicsCards).Assembly, DllImportSearchPath.System32, out var loaded))
            return null;
        if (!NativeLibrary.TryGetExport(loaded, "nvmlInit_v2", out var start)
            || !NativeLibrary.TryGetExport(loaded, "nvmlDeviceGetCount_v2", out var count)
            || !NativeLibrary.TryGetExport(loaded, "nvmlDeviceGetHandleByIndex_v2", out var handle)
            || !NativeLibrary.TryGetExport(loaded, "nvmlDeviceGetTotalEnergyConsumption", out var address))
            return null;
        uint present;
        if (((delegate* unmanaged[Cdecl]<int>)start)() != 0 || ((delegate* unmanaged[Cdecl]<uint*, int>)count)(&present) != 0
            || present is 0 or > MostCards)
            return null;
        var energy = (delegate* unmanaged[Cdecl]<nint, ulong*, int>)address;
        var counting = new List<nint>();
        for (var i = 0u; i < present; i++)
        {
            nint card;
            ulong counter;
            // Older cards answer 3 (not supported); one that this user may not open is not measured either.
            if (((delegate* unmanaged[Cdecl]<uint, nint*, int>)handle)(i, &card) == 0 && energy(card, &counter) == 0)
                counting.Add(card);
        }
        return counting.Count > 0 ? new([.. counting], (int)present, energy) : null;
    }

    /// <summary>Each counting card's millijoules since its driver was loaded; null for one that no longer responds.</summary>
    public ulong[]? Read()
    {
        var counters = new ulong[_counting.Length];
        for (var i = 0; i < counters.Length; i++)
        {
            ulong counter;
            if (_energy(_counting[i], &counter) != 0)
                return null;
            counters[i] = counter;
        }
        return counters;
    }

    /// <summary>Joules between two readings; null if a counter was reset.</summary>
    public static double? Joules(ulong[] before, ulong[] after)
    {
        var millijoules = 0UL;
        for (var i = 0; i < before.Length; i++)
        {
            if (after[i] < before[i])
                return null;
            millijoules += after[i] - before[i];
        }
        return millijoules / 1e3;
    }
}
