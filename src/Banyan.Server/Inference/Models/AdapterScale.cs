namespace Banyan.Server.Inference.Models;

/// <summary>An adapter and what it is multiplied by.</summary>
sealed record AdapterScale(ServedModel Adapter, float Scale);
