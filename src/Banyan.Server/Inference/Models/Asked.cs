namespace Banyan.Server.Inference.Models;

/// <summary>A request that was let in: its place in the model's queue is held until it is disposed.</summary>
/// <param name="Model">The model it is for.</param>
/// <param name="Request">What was asked.</param>
/// <param name="admission">Its place.</param>
sealed record Asked<T>(LoadedModel Model, T Request, ServedModel.Admission admission) : IDisposable
{
    public void Dispose() => admission.Dispose();
}
